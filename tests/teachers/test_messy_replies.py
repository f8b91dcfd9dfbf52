"""Replies as models really write them: decorated, chatty, cut, repeated. One row a habit."""

import pytest

from socratic_jax.problems.problem import Step
from socratic_jax.teachers.parsing import Parsed, Reason, parse

# Omar has 14 marbles. Ben has 9 more than Omar. How many marbles do they have together?
BEN, BOTH = "Ben has 14 + 9 = 23 marbles.", "Together they have 14 + 23 = 37 marbles."
CHAIN = [BEN, BOTH]
ASK_BEN, ASK_BOTH = "How many marbles does Ben have?", "How many marbles do they have together?"
PAIRS = [(ASK_BEN, BEN), (ASK_BOTH, BOTH)]
GIVEN = (Step("", BEN), Step("", BOTH))
QUESTIONS = [ASK_BEN, ASK_BOTH]
LIVED, PHOTO = "Mozart died in 1791.", "The first photograph was taken in the 1820s."
FACTS = [LIVED, PHOTO]

COT = {
    "as asked": (f"1. {BEN}\n2. {BOTH}\nFinal answer: 37", CHAIN, "37"),
    "carriage returns": (f"1. {BEN}\r\n2. {BOTH}\r\nFinal answer: 37\r\n", CHAIN, "37"),
    "greeting and offer": (
        f"Sure! Here is the solution, step by step:\n\n1. {BEN}\n2. {BOTH}\n\nFinal answer: 37\n\n"
        "Let me know if you want another one!",
        CHAIN,
        "37",
    ),
    "code fence": (f"```text\n1. {BEN}\n2. {BOTH}\nFinal answer: 37\n```", CHAIN, "37"),
    "bold": (f"**Step 1:** {BEN}\n**Step 2:** {BOTH}\n\n**Final answer: 37**", CHAIN, "37"),
    "bold answer": (f"1. {BEN}\n2. {BOTH}\n\n**Final answer:** **37**", CHAIN, "37"),
    "headings": (f"### Step 1\n{BEN}\n\n### Step 2\n{BOTH}\n\n### Final Answer\n37", CHAIN, "37"),
    "bullets": (f"- {BEN}\n- {BOTH}\n- The answer is 37.", CHAIN, "37"),
    "parentheses": (f"1) {BEN}\n2) {BOTH}\nAnswer: 37", CHAIN, "37"),
    "GSM8K": (f"{BEN}\n{BOTH}\n#### 37", CHAIN, "37"),
    "GSM8K with a unit": (f"{BEN}\n{BOTH}\n#### 37 marbles", CHAIN, "37"),
    "small headings": (f"#### Step 1\n{BEN}\n#### 2. Both\n{BOTH}\n#### 37", [BEN, f"Both {BOTH}"], "37"),
    "one paragraph": (f"{BEN} {BOTH} The answer is 37.", [BEN, BOTH, "The answer is 37."], "37"),
    "sentence a line, no numbers": (f"{BEN}\n\n{BOTH}\n\nThe answer is 37 marbles.", CHAIN, "37"),
    "no final answer": (f"1. {BEN}\n2. {BOTH}", CHAIN, "37"),
    "conclusion in place of it": (f"1. {BEN}\n2. {BOTH}\n\nSo they have 37 in all.", CHAIN, "37"),
    "announced by Answer": (f"Answer: {BEN}\n{BOTH}", CHAIN, "37"),
    "announced by Solution": (f"Solution:\n1. {BEN}\n2. {BOTH}\nFinal answer: 37", CHAIN, "37"),
    "announced by A": (f"A: {BEN}\n{BOTH}\nThe answer is 37.", CHAIN, "37"),
    "another problem after it": (
        f"1. {BEN}\n2. {BOTH}\nFinal answer: 37\n\nProblem: Ann has 3 pens. She buys 4.\nSolution:\n"
        "1. She has 3 + 4 = 7 pens.\nFinal answer: 7",
        CHAIN,
        "37",
    ),
    "another problem and no answer": (
        f"1. {BEN}\n2. {BOTH}\n\nProblem: What is 2 + 2?\n1. 2 + 2 = 4",
        CHAIN,
        "37",
    ),
    "the problem again": (
        f"Problem: Omar has 14 marbles. Ben has 9 more.\nSolution:\n1. {BEN}\n2. {BOTH}\nFinal answer: 37",
        CHAIN,
        "37",
    ),
    "boxed": (f"1. {BEN}\n2. {BOTH}\n\n$$\\boxed{{37}}$$", CHAIN, "37"),
    "boxed in the last step": (
        f"1. {BEN}\n2. Together they have 14 + 23 = \\boxed{{37}} marbles.",
        CHAIN,
        "37",
    ),
    "boxed in a sentence": (f"1. {BEN}\n2. {BOTH}\nThe final answer is $\\boxed{{37}}$.", CHAIN, "37"),
    "LaTeX": (
        "1. Ben has \\(14 + 9 = 23\\) marbles.\n2. Together they have \\(14 + 23 = 37\\) marbles.\n"
        "Final answer: \\(37\\)",
        CHAIN,
        "37",
    ),
    "LaTeX displayed": (
        "**1.** Ben has\n\\[14 + 9 = 23\\]\nmarbles.\n**2.** Together they have\n$$14 + 23 = 37$$\nmarbles.\n"
        "Final answer: 37",
        CHAIN,
        "37",
    ),
    "LaTeX signs": (
        "1. They cost $2 \\times \\$3 = \\$6$.\n2. Each pays $\\frac{6}{4} = 1.5$ dollars.\nAnswer: \\$1.50",
        ["They cost 2 * $3 = $6.", "Each pays 6/4 = 1.5 dollars."],
        "1.5",
    ),
    "sub-bullets": (
        "1. First, Ben's marbles:\n   - Ben has 14 + 9 = 23 marbles.\n2. Then both:\n   - 14 + 23 = 37\n"
        "Final answer: 37",
        ["First, Ben's marbles: Ben has 14 + 9 = 23 marbles.", "Then both: 14 + 23 = 37"],
        "37",
    ),
    "step over two lines": (
        f"Step 1: Look at Ben.\n{BEN}\nStep 2: Add.\n{BOTH}\nThe answer is 37.",
        [f"Look at Ben. {BEN}", f"Add. {BOTH}"],
        "37",
    ),
    "thought aloud": (
        f"<think>\n1. Maybe 14 * 9 = 126?\nAnswer: 126\n</think>\n1. {BEN}\n2. {BOTH}\nFinal answer: 37",
        CHAIN,
        "37",
    ),
    "thought without its beginning": (
        f"so 37.\n</think>\n\n1. {BEN}\n2. {BOTH}\nFinal answer: 37",
        CHAIN,
        "37",
    ),
    "answer first": (f"Final answer: 37\n\nExplanation:\n1. {BEN}\n2. {BOTH}", CHAIN, "37"),
    "answer below its heading": (f"1. {BEN}\n2. {BOTH}\n\n**Final Answer:**\n\n37 marbles", CHAIN, "37"),
    "unit and thousands": (
        "1. It costs 2 * 600 = 1200 dollars.\nFinal answer: $1,200.00 in all",
        ["It costs 2 * 600 = 1200 dollars."],
        "1200",
    ),
    "quoted": (f"> 1. {BEN}\n> 2. {BOTH}\n> Final answer: 37", CHAIN, "37"),
    "rule before the answer": (f"1. {BEN}\n2. {BOTH}\n\n---\n\nThe answer is **37**.", CHAIN, "37"),
    "steps that begin with numbers": (
        "14 + 9 = 23 marbles are Ben's.\n14 + 23 = 37 marbles in all.\n#### 37",
        ["14 + 9 = 23 marbles are Ben's.", "14 + 23 = 37 marbles in all."],
        "37",
    ),
    "an answer in the middle": (
        f"1. {BEN}\nThe answer to this part is 23.\n2. {BOTH}\nFinal answer: 37",
        [f"{BEN} The answer to this part is 23.", BOTH],
        "37",
    ),
    "steps that look like talk": (
        "Let's say Omar has x marbles.\nLet me add: 14 + 9 = 23.\nIf you add Omar's, 23 + 14 = 37.\n#### 37",
        [
            "Let's say Omar has x marbles.",
            "Let me add: 14 + 9 = 23.",
            "If you add Omar's, 23 + 14 = 37.",
        ],
        "37",
    ),
    "money and annotations": (
        "1. It is 8*$18 = $<<8*18=144>>144, or $144+$6=$150.\n2. He gets $200-$150 = $50$.\n#### $50",
        ["It is 8*$18 = $<<8*18=144>>144, or $144+$6=$150.", "He gets $200-$150 = $50$."],
        "50",
    ),
    "stars that multiply": (
        "1. *First*, (3+4)*$2 = $14 and 5*2 = 10.\n2. Then 2**3 + 4**1 is ***12***.\nFinal answer: *12*",
        ["First, (3+4)*$2 = $14 and 5*2 = 10.", "Then 2**3 + 4**1 is 12."],
        "12",
    ),
    "abbreviations in a paragraph": (
        "Mr. Lee has 2.5 kg. He buys 3 kg, i.e. 2.5 + 3 = 5.5 kg in all. Final answer: 5.5",
        ["Mr. Lee has 2.5 kg.", "He buys 3 kg, i.e. 2.5 + 3 = 5.5 kg in all.", "Final answer: 5.5"],
        "5.5",
    ),
    "nothing": ("  \n\n", Reason.EMPTY, None),
    "only a fence": ("```\n```", Reason.EMPTY, None),
    "thought without its end": ("<think>Let me see. 14 + 9 = 23, so", Reason.EMPTY, None),
    "only the answer": ("37", Reason.NO_STEPS, None),
    "only the answer, announced": ("Final answer: 37", Reason.NO_STEPS, None),
    "refusal": ("I'm sorry, but I can't help with that.", Reason.NO_ANSWER, None),
    "cut before any number": ("1. Ben has more marbles than", Reason.NO_ANSWER, None),
    "no number in the answer": (f"1. {BEN}\nFinal answer: unknown", Reason.NO_ANSWER, None),
}

SOCRATIC = {
    "as asked": (f"Q1: {ASK_BEN}\nA1: {BEN}\nQ2: {ASK_BOTH}\nA2: {BOTH}\nFinal answer: 37", PAIRS, "37"),
    "the other format": (
        f"Sub-question 1: {ASK_BEN}\nSolution 1: {BEN}\nSub-question 2: {ASK_BOTH}\nSolution 2: {BOTH}\n"
        "The answer is 37.",
        PAIRS,
        "37",
    ),
    "bold labels": (
        f"**Q1:** {ASK_BEN}\n**A1:** {BEN}\n\n**Q2:** {ASK_BOTH}\n**A2:** {BOTH}\n\n**Final answer:** 37",
        PAIRS,
        "37",
    ),
    "bold lines": (
        f"**Q1: {ASK_BEN}**\nA1: {BEN}\n**Q2: {ASK_BOTH}**\nA2: {BOTH}\n**Final answer: 37**",
        PAIRS,
        "37",
    ),
    "without numbers": (f"Q: {ASK_BEN}\nA: {BEN}\nQ: {ASK_BOTH}\nA: {BOTH}\nFinal answer: 37", PAIRS, "37"),
    "Question and Answer": (
        f"Question 1: {ASK_BEN}\nAnswer 1: {BEN}\nQuestion 2: {ASK_BOTH}\nAnswer 2: {BOTH}\nAnswer: 37",
        PAIRS,
        "37",
    ),
    "Answer for both": (
        f"Question: {ASK_BEN}\nAnswer: {BEN}\nQuestion: {ASK_BOTH}\nAnswer: {BOTH}\nAnswer: 37",
        PAIRS,
        "37",
    ),
    "question and solution on one line": (
        f"Q1: {ASK_BEN} A1: {BEN}\nQ2: {ASK_BOTH} A2: {BOTH}\nFinal answer: 37",
        PAIRS,
        "37",
    ),
    "numbered questions, solutions below": (
        f"1. {ASK_BEN}\n   {BEN}\n2. {ASK_BOTH}\n   {BOTH}\n\nFinal answer: 37",
        PAIRS,
        "37",
    ),
    "numbered questions, solutions behind": (
        f"1. {ASK_BEN} {BEN}\n2. {ASK_BOTH} {BOTH}\nThe answer is 37.",
        PAIRS,
        "37",
    ),
    "stars between, as in GSM8K": (f"{ASK_BEN} ** {BEN}\n{ASK_BOTH} ** {BOTH}\n#### 37", PAIRS, "37"),
    "stars without a question mark": (
        f"Define a variable ** Let b be Ben's marbles.\n{ASK_BEN} ** {BEN}\n{ASK_BOTH} ** {BOTH}\n#### 37",
        [("Define a variable", "Let b be Ben's marbles."), *PAIRS],
        "37",
    ),
    "stars between numbers": (
        f"{ASK_BEN} ** {BEN}\nSubtract 14 ** 37 - 14 = 23\n#### 23",
        [PAIRS[0], ("Subtract 14", "37 - 14 = 23")],
        "23",
    ),
    "first question without its mark": (
        f"1. Find Ben's {BEN}\n2. {ASK_BOTH} {BOTH}",
        Reason.UNANSWERED,
        None,
    ),
    "two questions in one": (
        f"Q1: {ASK_BEN} And Omar?\nA1: {BEN}\nQ2: {ASK_BOTH}\nA2: {BOTH}\nFinal answer: 37",
        [(f"{ASK_BEN} And Omar?", BEN), PAIRS[1]],
        "37",
    ),
    "no question mark, solution below": (
        f"1. {ASK_BEN}\n{BEN}\n2. Add both\n{BOTH}\nFinal answer: 37",
        [PAIRS[0], ("Add both", BOTH)],
        "37",
    ),
    "no question mark, solution behind": (
        f"1. {ASK_BEN} {BEN}\n2. Add both {BOTH}\nFinal answer: 37",
        Reason.UNANSWERED,
        None,
    ),
    "last solution says it is the answer": (
        f"1. {ASK_BEN}\n{BEN}\n2. {ASK_BOTH}\nSo the answer is 37.\nFinal answer: 37",
        [PAIRS[0], (ASK_BOTH, "So the answer is 37.")],
        "37",
    ),
    "arrows between": (f"- {ASK_BEN} -> {BEN}\n- {ASK_BOTH} → {BOTH}\nFinal answer: 37", PAIRS, "37"),
    "headings": (
        f"## Step 1: {ASK_BEN}\n{BEN}\n\n## Step 2: {ASK_BOTH}\n{BOTH}\n\n## Final answer\n37",
        PAIRS,
        "37",
    ),
    "bulleted": (f"* Q1: {ASK_BEN}\n* A1: {BEN}\n* Q2: {ASK_BOTH}\n* A2: {BOTH}\n\n37", PAIRS, "37"),
    "table": (
        "Here are the sub-questions:\n\n| # | Question | Answer |\n|---|:---|---|\n"
        f"| 1 | {ASK_BEN} | {BEN} |\n| 2 | {ASK_BOTH} | {BOTH} |\n\nFinal answer: 37",
        PAIRS,
        "37",
    ),
    "greeting that asks": (
        f"Sure, shall we?\n\nQ1: {ASK_BEN}\nA1: {BEN}\nQ2: {ASK_BOTH}\nA2: {BOTH}\nFinal answer: 37\n"
        "Do you have another problem?",
        PAIRS,
        "37",
    ),
    "the problem again": (
        f"Question: Ben has 9 more. How many?\nQ1: {ASK_BEN}\nA1: {BEN}\nQ2: {ASK_BOTH}\nA2: {BOTH}\n"
        "Final answer: 37",
        PAIRS,
        "37",
    ),
    "first all questions, then all solutions": (
        f"Q1: {ASK_BEN}\nQ2: {ASK_BOTH}\nA1: {BEN}\nA2: {BOTH}\nFinal answer: 37",
        PAIRS,
        "37",
    ),
    "solution in two lines": (
        f"Q1: {ASK_BEN}\nA1: He has 9 more.\n14 + 9 = 23\nQ2: {ASK_BOTH}\nA2: {BOTH}\nFinal answer: 37",
        [(ASK_BEN, "He has 9 more. 14 + 9 = 23"), PAIRS[1]],
        "37",
    ),
    "solution that says it is the answer": (
        f"Q1: {ASK_BEN}\nThe answer is 14 + 9 = 23.\nQ2: {ASK_BOTH}\nA2: {BOTH}\nFinal answer: 37",
        [(ASK_BEN, "The answer is 14 + 9 = 23."), PAIRS[1]],
        "37",
    ),
    "no final answer": (f"Q1: {ASK_BEN}\nA1: {BEN}\nQ2: {ASK_BOTH}\nA2: {BOTH}", PAIRS, "37"),
    "boxed": (f"Q1: {ASK_BEN}\nA1: {BEN}\nQ2: {ASK_BOTH}\nA2: {BOTH}\n\\boxed{{37}}", PAIRS, "37"),
    "another problem after it": (
        f"Q1: {ASK_BEN}\nA1: {BEN}\nQ2: {ASK_BOTH}\nA2: {BOTH}\nFinal answer: 37\n\nProblem: 2 + 2?\n"
        "Q1: What is 2 + 2?\nA1: 4\nFinal answer: 4",
        PAIRS,
        "37",
    ),
    "another problem and no answer": (
        f"Q1: {ASK_BEN}\nA1: {BEN}\nQ2: {ASK_BOTH}\nA2: {BOTH}\n\nProblem: What is 2 + 2?\n"
        "Q1: What is 2 + 2?\nA1: 4",
        PAIRS,
        "37",
    ),
    "cut in a solution": (f"Q1: {ASK_BEN}\nA1: {BEN}\nQ2: {ASK_BOTH}\nA2:", Reason.UNANSWERED, None),
    "cut in a question": (f"Q1: {ASK_BEN}\nA1: {BEN}\nQ2: How many", Reason.UNANSWERED, None),
    "a question skipped": (
        f"Q1: {ASK_BEN}\nA1: {BEN}\nQ2: {ASK_BOTH}\nQ3: Why?\nA3: {BOTH}\nFinal answer: 37",
        Reason.UNANSWERED,
        None,
    ),
    "no questions": (f"1. {BEN}\n2. {BOTH}\nFinal answer: 37", Reason.NO_QUESTIONS, None),
    "no number at the end": (f"Q1: {ASK_BEN}\nA1: More than Omar.", Reason.NO_ANSWER, None),
    "nothing": ("\n", Reason.EMPTY, None),
}

ON_STEPS = {
    "as asked": f"1. {ASK_BEN}\n2. {ASK_BOTH}",
    "labels": f"Question 1: {ASK_BEN}\nQuestion 2: {ASK_BOTH}",
    "short labels, bold": f"**Q1:** {ASK_BEN}\n**Q2:** {ASK_BOTH}",
    "greeting and offer": f"Here are the questions:\n\n1. {ASK_BEN}\n2. {ASK_BOTH}\n\nWould you like more?",
    "bullets": f"- {ASK_BEN}\n- {ASK_BOTH}",
    "plain lines": f"{ASK_BEN}\n{ASK_BOTH}",
    "steps repeated below": f"1. {ASK_BEN}\n   {BEN}\n2. {ASK_BOTH}\n   {BOTH}",
    "steps repeated as answers": f"Q1: {ASK_BEN}\nA1: {BEN}\nQ2: {ASK_BOTH}\nA2: {BOTH}",
    "steps repeated before": f"Steps:\n1. {BEN}\n2. {BOTH}\nQuestions:\n1. {ASK_BEN}\n2. {ASK_BOTH}",
    "step labels": f"Step 1: {ASK_BEN}\nStep 2: {ASK_BOTH}",
    "fence and carriage returns": f"```\r\n1. {ASK_BEN}\r\n2. {ASK_BOTH}\r\n```",
    "remarks behind": f"1. {ASK_BEN} (14 + 9)\n2. {ASK_BOTH} (the sum)",
    "one too few": (f"1. {ASK_BEN}", Reason.WRONG_COUNT),
    "one too many": (f"1. {ASK_BEN}\n2. {ASK_BOTH}\n3. Why?", Reason.WRONG_COUNT),
    "none": ("I cannot do that.", Reason.NO_QUESTIONS),
    "nothing": ("", Reason.EMPTY),
}

YES_NO = {
    "as asked": (f"Fact 1: {LIVED}\nFact 2: {PHOTO}\nAnswer: no", FACTS, "no"),
    "hyphens": (f"- {LIVED}\n- {PHOTO}\nThe answer is no.", FACTS, "no"),
    "bold labels": (f"**Fact 1:** {LIVED}\n**Fact 2:** {PHOTO}\n\n**Answer:** No.", FACTS, "no"),
    "numbered, long answer": (f"1. {LIVED}\n2. {PHOTO}\n\nAnswer: No, he could not have.", FACTS, "no"),
    "the question again": (f"Question: Could he?\nFact 1: {LIVED}\nFact 2: {PHOTO}\nAnswer: no", FACTS, "no"),
    "another question after it": (
        f"Fact 1: {LIVED}\nFact 2: {PHOTO}\nAnswer: no\n\nQuestion: Is ice hot?\nFact 1: No.\nAnswer: no",
        FACTS,
        "no",
    ),
    "true and false": (f"Fact 1: {LIVED}\nFact 2: {PHOTO}\nFinal answer: False", FACTS, "no"),
    "one paragraph": (f"{LIVED} {PHOTO} So no.", [LIVED, PHOTO, "So no."], "no"),
    "conclusion": (f"Fact 1: {LIVED}\nFact 2: {PHOTO}\n\nSo the answer is no.", FACTS, "no"),
    "undecided": (f"Fact 1: {LIVED}\nAnswer: It depends.", Reason.NO_ANSWER, None),
}

GUIDANCE = {
    "steps": ("guidance_steps", "3 steps", "3 steps", ""),
    "steps, a number": ("guidance_steps", "3", "3 steps", ""),
    "steps, a word": ("guidance_steps", "It takes **two** steps.", "2 steps", ""),
    "steps, one": ("guidance_steps", "Plan: 1 step", "1 step", ""),
    "steps, undecided": ("guidance_steps", "2 or 3 steps", Reason.NO_GUIDANCE, ""),
    "steps, none": ("guidance_steps", "0 steps", Reason.NO_GUIDANCE, ""),
    "steps, too many": ("guidance_steps", "9999999999999999999", Reason.NO_GUIDANCE, ""),
    "steps, words": ("guidance_steps", "Several.", Reason.NO_GUIDANCE, ""),
    "equations": ("guidance_equations", "14+9=23; 14+23=37", "14+9=23; 14+23=37", "37"),
    "equations, lines": (
        "guidance_equations",
        "```\n1. 14 + 9 = 23\n2. 14 + 23 = 37\n```",
        "14+9=23; 14+23=37",
        "37",
    ),
    "equations, signs": ("guidance_equations", "Equations: $2 × 3 = $6;", "2*3=6", "6"),
    "equations, fraction": ("guidance_equations", "1/3=1/3", "1/3=1/3", "1/3"),
    "equations, no": ("guidance_equations", "Add them.", Reason.NO_GUIDANCE, ""),
}


def _check(parsed, kind, expected, answer):
    if isinstance(expected, Reason):
        assert parsed is expected
        return
    assert isinstance(parsed, Parsed), parsed
    steps = [(step.subquestion, step.solution) for step in parsed.explanation.steps]
    assert steps == [step if isinstance(step, tuple) else ("", step) for step in expected]
    assert (parsed.answer, parsed.explanation.kind, parsed.explanation.author) == (answer, kind, "model")


@pytest.mark.parametrize("row", COT)
def test_chain_of_thought(row):
    reply, expected, answer = COT[row]
    _check(parse(reply, "cot", "model"), "cot", expected, answer)
    _check(parse(reply, "rationalise_cot", "model"), "cot", expected, answer)


@pytest.mark.parametrize("row", SOCRATIC)
def test_socratic(row):
    reply, expected, answer = SOCRATIC[row]
    _check(parse(reply, "socratic", "model"), "socratic", expected, answer)


@pytest.mark.parametrize("row", ON_STEPS)
def test_socratic_on_steps(row):
    reply = ON_STEPS[row]
    reply, expected = reply if isinstance(reply, tuple) else (reply, PAIRS)
    _check(parse(reply, "socratic_on_steps", "model", given=GIVEN), "socratic", expected, "")


@pytest.mark.parametrize("row", YES_NO)
def test_facts(row):
    reply, expected, answer = YES_NO[row]
    _check(parse(reply, "facts", "model", "yes_no"), "facts", expected, answer)


@pytest.mark.parametrize("row", GUIDANCE)
def test_guidance(row):
    kind, reply, expected, answer = GUIDANCE[row]
    expected = expected if isinstance(expected, Reason) else [expected]
    _check(parse(reply, kind, "model"), kind, expected, answer)
