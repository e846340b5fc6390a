"""What the learners of the demo district set out to do: goals with four actions and two milestones each."""

from typing import NamedTuple


class GoalText(NamedTuple):
    """A goal as a learner or her advisor could write it; `actions` are owner and title."""

    title: str
    description: str
    category: str
    metric_kind: str
    unit: str | None
    baseline: int | None
    target: int | None
    actions: tuple[tuple[str, str], ...]
    milestones: tuple[str, ...]


LEARNER, GUARDIAN, STAFF = "learner", "guardian", "staff"

OBSTACLE = "I get stuck or run out of time"
RESPONSE = "I ask my advisor or a classmate the same day"

GOALS = (
    GoalText(
        "Solve multi-step problems with fractions and ratios",
        "I want to explain every step, not only get the answer.",
        "academic", "percent", "%", 55, 85,
        (
            (LEARNER, "Work through three problems after each lesson"),
            (LEARNER, "Explain one solution to a classmate every week"),
            (STAFF, "Give written feedback on the weekly problem"),
            (GUARDIAN, "Ask for one example at the dinner table"),
        ),
        ("Half of the practice set is right", "The unit test is above 80 %"),
    ),
    GoalText(
        "Read twelve books of my own choice",
        "At least three of them about the sea, because I would like to study it.",
        "personal", "count", "books", 2, 12,
        (
            (LEARNER, "Read for twenty minutes before bed"),
            (LEARNER, "Write three sentences about each book"),
            (STAFF, "Suggest a next book each month"),
            (GUARDIAN, "Visit the library on Saturdays"),
        ),
        ("Six books are read", "A book talk is given in class"),
    ),
    GoalText(
        "Find out what a marine biologist does all day",
        "Talk with people who do the work and see one workplace.",
        "career", "milestones", None, None, None,
        (
            (LEARNER, "List ten questions to ask"),
            (LEARNER, "Write to two people who do this work"),
            (STAFF, "Arrange a visit to a laboratory"),
            (GUARDIAN, "Drive to the visit"),
        ),
        ("The first interview is done", "The visit is written up"),
    ),
    GoalText(
        "Hand in every assignment on the day it is due",
        "Late work costs me marks that I have already earned.",
        "academic", "percent", "%", 70, 95,
        (
            (LEARNER, "Write every due date into my calendar"),
            (LEARNER, "Start each assignment the day it is given"),
            (STAFF, "Look at the calendar together on Mondays"),
            (GUARDIAN, "Keep the desk free between four and six"),
        ),
        ("Four weeks without late work", "A whole quarter without late work"),
    ),
    GoalText(
        "Be late for school at most once a month",
        "I was late five times a month last year.",
        "personal", "numeric", "days a month", 5, 1,
        (
            (LEARNER, "Pack my bag in the evening"),
            (LEARNER, "Take the earlier bus"),
            (STAFF, "Tell me my count every Friday"),
            (GUARDIAN, "Wake me when the alarm does not"),
        ),
        ("One week on time", "One month on time"),
    ),
    GoalText(
        "Write an argument that uses three good sources",
        "My opinions are clear; my evidence is not yet.",
        "academic", "rubric", "level", 1, 3,
        (
            (LEARNER, "Collect sources for one question"),
            (LEARNER, "Revise the first draft after feedback"),
            (STAFF, "Show how to judge a source"),
            (GUARDIAN, "Read the draft and ask what is unclear"),
        ),
        ("The outline stands", "The second draft is finished"),
    ),
    GoalText(
        "Play a solo at the spring concert",
        "I have played the cello for two years, always in the back row.",
        "personal", "boolean", None, None, None,
        (
            (LEARNER, "Practise half an hour a day"),
            (LEARNER, "Record myself once a week"),
            (STAFF, "Choose the piece together"),
            (GUARDIAN, "Listen on Sunday evenings"),
        ),
        ("The first page by heart", "The piece played for friends"),
    ),
    GoalText(
        "Compare three training programs for electricians",
        "Costs, length, and what people earn afterwards.",
        "career", "count", "programs", 0, 3,
        (
            (LEARNER, "Make a table of costs and lengths"),
            (LEARNER, "Visit one open day"),
            (STAFF, "Introduce me to a former student"),
            (GUARDIAN, "Talk through what we can afford"),
        ),
        ("The table has one program", "The open day is visited"),
    ),
)  # fmt: skip
