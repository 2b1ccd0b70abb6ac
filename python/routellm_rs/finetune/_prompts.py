"""Prompts of many kinds, to compare a converted model with torch on where no file of them is named."""

PROMPTS = (
    "What is the capital of France?",
    "Prove that there are infinitely many primes.",
    "Write a haiku about the sea in autumn.",
    "hi",
    "Translate to German: The weather is nice today, so let's go for a walk in the park.",
    "A train leaves at 9:40 and takes 2 h 35 min. When does it arrive? Think step by step.",
    "def f(x):\n    return [i ** 2 for i in range(x)]  # squares\n\nWhat does f(4) return?",
    "Statement 1 | Every group of prime order is cyclic. Statement 2 | Every cyclic group is abelian.\n"
    "A. True, True\nB. False, False\nC. True, False\nD. False, True\nAnswer:",
    "¿Cuáles son las diferencias entre el ser y el estar? Da tres ejemplos de cada uno.",
    "日本の首都はどこですか。その歴史を三つの文で説明してください。",
    "А что такое вообще матрица? Объясни простыми словами.",  # noqa: RUF001
    "Explain the difference between TCP and UDP to a ten-year-old 🙂",
    "SELECT name FROM users WHERE age > 30 ORDER BY name; -- why is this slow with 10 million rows?",
    "I feel tired all the time although I sleep eight hours. What could be the cause?",
    "Summarise the plot of Hamlet in exactly two sentences, then name its main theme.",
    "A farm sells 16 eggs a day at 0.25 euros each and eats three more. How much does it earn in a week of "
    "seven days, if two eggs break every second day?",
    "Derive the gradient of the softmax cross-entropy with respect to the logits.",
    "Plan a three-day trip to Rome for a family with two small children and a budget of 600 euros. " * 12,
)
