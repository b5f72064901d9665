internal import Corpora

extension TaskDescription {
  /// The tasks of this program, by name, as their descriptions: a user's own look the same.
  package static let builtIn: [(name: String, json: String)] = [
    ("sst2", sst2), ("mnli", mnli), ("qnli", qnli), ("cnn_dailymail", cnnDailymail),
    ("tool_calls", toolCalls), ("exact_match", exactMatch), ("multiple_choice", multipleChoice),
  ]

  /// A task of this program.
  ///
  /// - Throws: `.unknownTask` with the names that there are.
  package static func named(_ name: String) throws(TaskError) -> TaskDescription {
    guard let task = builtIn.first(where: { $0.name == name }) else {
      throw .unknownTask(name, known: builtIn.map(\.name))
    }
    return try TaskDescription(json: task.json)
  }

  /// GLUE's SST-2: `sentence`, `label`.
  private static let sst2 = #"""
    {
      "name": "sst2",
      "prompt": "{sentence}\nSentiment:",
      "answer": {"column": "label", "labels": {"0": " negative", "1": " positive"}},
      "metrics": ["accuracy", "f1"]
    }
    """#

  /// GLUE's MNLI (`sentence1`, `sentence2`, `gold_label`), and Hugging Face's names and numbers.
  private static let mnli = #"""
    {
      "name": "mnli",
      "columns": {
        "premise": ["premise", "sentence1"], "hypothesis": ["hypothesis", "sentence2"],
        "label": ["label", "gold_label"]
      },
      "prompt": "{premise}\nQuestion: {hypothesis} True, False or Neither?\nAnswer:",
      "answer": {
        "column": "label",
        "labels": {
          "0": " True", "1": " Neither", "2": " False",
          "entailment": " True", "neutral": " Neither", "contradiction": " False"
        }
      },
      "metrics": ["accuracy", "macro_f1"]
    }
    """#

  /// GLUE's QNLI: `question`, `sentence`, `label`.
  private static let qnli = #"""
    {
      "name": "qnli",
      "prompt": "{question}\n{sentence}\nQuestion: Does this response answer the question?\nAnswer:",
      "answer": {
        "column": "label",
        "labels": {
          "0": " yes", "1": " no", "entailment": " yes", "not_entailment": " no"
        },
        "positive": "entailment"
      },
      "metrics": ["accuracy", "f1"]
    }
    """#

  /// CNN/DailyMail: `article`, `highlights`.
  private static let cnnDailymail = #"""
    {
      "name": "cnn_dailymail",
      "columns": {"summary": ["highlights", "summary"]},
      "prompt": "{article}\nTL;DR:",
      "answer": {"column": "summary", "prefix": " "},
      "metrics": ["rouge1", "rouge2", "rougeL", "rougeLsum", "bleu"],
      "max_tokens": 128
    }
    """#

  /// Requests and the JSON calls that they mean; the prompt ends as in training on such pairs.
  private static let toolCalls = #"""
    {
      "name": "tool_calls",
      "prompt": "{prompt}\n",
      "answer": {"column": "completion"},
      "metrics": ["exact_match", "json_valid", "schema_valid"],
      "max_tokens": 128,
      "schema": \#(ToolCallGenerator.jsonSchema)
    }
    """#

  /// Prompts with the one right answer.
  private static let exactMatch = #"""
    {
      "name": "exact_match",
      "prompt": "{prompt}\n",
      "answer": {"column": "completion"},
      "metrics": ["exact_match"],
      "max_tokens": 128
    }
    """#

  /// A question, a list of options, and the number (from 0) or letter of the right one.
  private static let multipleChoice = #"""
    {
      "name": "multiple_choice",
      "prompt": "Question: {question}\nAnswer:",
      "answer": {"choices": "choices", "index": "answer"},
      "metrics": ["accuracy", "accuracy_norm"]
    }
    """#
}
