"""First names of people in word problems, by the pronoun that goes with them.

Those that GSM8K, SVAMP and MAWPS use often, without those that go with either pronoun (Alex, Jordan) and
those that are as likely a word, a month or a place (Will, April, Paris): a name that is not listed stays.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SHE = _names(
    """Abigail Alice Alyssa Amanda Amy Andrea Angela Anna Ann Anne Annie Ashley Barbara Becky Bella Beth
    Bethany Betty Bianca Bonnie Brenda Brittany Carla Carly Carmen Carol Carolyn Carrie Cheryl Chloe
    Christina Christine Cindy Claire Clara Connie Cynthia Danielle Debby Diana Diane Donna Dorothy Elizabeth
    Ella Ellen Elsa Emily Emma Erica Erin Eva Gina Greta Gretchen Gwen Haley Hannah Heather Helen Ida Irene
    Isabel Jan Jane Janet Janice Jasmine Jenna Jennifer Jenny Jessica Joan Joanna Joy Judy Julia Julie Karen
    Kate Katie Kayla Kelly Kendra Kim Kylie Lana Lara Laura Lauren Layla Leila Lena Lia Linda Lisa Lola Lucy
    Lydia Maggie Mandy Mara Marcia Marcy Maria Marie Marissa Marla Martha Mary Megan Melanie Melissa Mia
    Michelle Milly Molly Monica Nancy Natalie Nicole Nina Nora Olivia Pam Patricia Paula Pauline Phoebe
    Polly Rachel Rebecca Rosa Ruth Sally Samantha Sandra Sara Sarah Shannon Sheila Sofia Sophie Stephanie
    Sue Susan Susie Tanya Tara Tiffany Tina Tonya Vanessa Vera Veronica Wendy Yara Zoe"""
)
HE = _names(
    """Aaron Adam Alan Albert Allan Andrew Andy Anthony Arnold Arthur Barry Ben Benny Bert Bill Billy Bob
    Bobby Boris Brad Brandon Brendan Brian Bruce Bruno Bryan Caleb Calvin Carl Carlos Chad Charles Christian
    Craig Dan Daniel Danny Dave David Dean Dennis Derek Dexter Diego Doug Ed Eddie Edward Eric Ethan Frank
    Fred Gabriel Gary George Gerald Gordon Greg Hank Harry Henry Hugo Ian Ivan Jack Jackson Jacob Jake James
    Jared Jason Javier Jayden Jeff Jeremy Jerome Jerry Jim Jimmy Joe Joel Joey John Johnny Jon Jonah
    Jonathan Jorge Jose Joseph Josh Juan Justin Keith Ken Kenny Kevin Kyle Larry Lawrence Leo Lewis Logan
    Louis Lucas Luke Malcolm Marcus Mario Mark Martin Matt Matthew Michael Mike Nathan Neil Ned Nick Noah
    Oliver Oscar Owen Patrick Paul Pete Peter Phil Philip Phillip Ralph Randy Raymond Richard Rick Rob
    Robert Roger Ron Ryan Samuel Scott Sean Seth Simon Stan Stephen Steve Steven Ted Theo Thomas Tim Timothy
    Todd Tom Tommy Tony Travis Trevor Victor Vincent Walter William Zach Zachary"""
)
