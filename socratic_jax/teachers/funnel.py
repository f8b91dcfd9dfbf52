"""How many of a teacher's samples were left after each stage of selection, and why the others were not.

A filter that silently drops nine of ten samples looks exactly like one that works. Every sample is
counted once: it is either kept or dropped at one stage for one reason.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

# In the order in which samples pass them.
STAGES = (
    "replied",
    "readable",
    "right answer",
    "right arithmetic",
    "needed",
    "distinct",
    "within the cap",
)


@dataclasses.dataclass
class Funnel:
    """Counts of samples by stage.

    Attributes:
      samples: all that came in.
      dropped: stage -> reason -> how many were dropped there.
      problems: whose samples these are.
      explained: of the problems, those with at least one sample kept.
      rationalised: of the explained ones, those whose samples were told the answer.
    """

    samples: int = 0
    dropped: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    problems: int = 0
    explained: int = 0
    rationalised: int = 0

    def drop(self, stage: str, reason: str, count: int = 1) -> None:
        """Counts samples that do not pass a stage.

        Raises:
          ValueError: there is no such stage; the message lists the valid ones.
        """
        if stage not in STAGES:
            raise ValueError(f"unknown stage {stage!r}; the stages are {', '.join(STAGES)}")
        reasons = self.dropped.setdefault(stage, {})
        reasons[reason] = reasons.get(reason, 0) + count

    @property
    def kept(self) -> int:
        """Samples that passed every stage."""
        return self.samples - sum(sum(reasons.values()) for reasons in self.dropped.values())

    def left(self) -> dict[str, int]:
        """Stage -> how many samples passed it."""
        found, count = {}, self.samples
        for stage in STAGES:
            count -= sum(self.dropped.get(stage, {}).values())
            found[stage] = count
        return found

    def rows(self) -> list[tuple[str, str, int]]:
        """The table as (stage, reason, count) rows; the count of reason "" is what is left."""
        found = [("samples", "", self.samples)]
        for stage, count in self.left().items():
            reasons = self.dropped.get(stage, {})
            found += [
                (stage, reason, n) for reason, n in sorted(reasons.items(), key=lambda r: (-r[1], r[0]))
            ]
            found.append((stage, "", count))
        return found

    def __add__(self, other: "Funnel") -> "Funnel":
        """The counts of two disjoint sets of problems together."""
        total = Funnel.from_dict(self.to_dict())
        for stage, reasons in other.dropped.items():
            for reason, count in reasons.items():
                total.drop(stage, reason, count)
        for name in ("samples", "problems", "explained", "rationalised"):
            setattr(total, name, getattr(self, name) + getattr(other, name))
        return total

    def __str__(self) -> str:
        """A table of a line a stage, such as

        right answer         5,900   73.8 %   wrong answer 1,750
        """
        lines = [f"{'samples':<18}{self.samples:>9,}"]
        for stage, count in self.left().items():
            reasons = sorted(self.dropped.get(stage, {}).items(), key=lambda item: (-item[1], item[0]))
            why = ", ".join(f"{reason} {n:,}" for reason, n in reasons)
            lines.append(f"{stage:<18}{count:>9,}{_percent(count, self.samples)}   {why}".rstrip())
        lines.append(
            f"{'problems':<18}{self.problems:>9,}, {self.explained:,} of them explained"
            f"{_percent(self.explained, self.problems)}, {self.rationalised:,} only by rationalisation"
        )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that `from_dict` reads back; "left" is for people and other programs."""
        dropped = {stage: dict(reasons) for stage, reasons in self.dropped.items()}
        return {**dataclasses.asdict(self), "dropped": dropped, "kept": self.kept, "left": self.left()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Funnel":
        """The funnel of a JSON object."""
        values = {field.name: record[field.name] for field in dataclasses.fields(cls)}
        values["dropped"] = {stage: dict(reasons) for stage, reasons in values["dropped"].items()}
        return cls(**values)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:7.1f} %" if whole else f"{'':9}"
