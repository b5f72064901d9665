internal import Checkpoints
package import Corpora
internal import Foundation

/// One line of a task's file, with its prompt filled in.
package struct TaskExample: Equatable, Sendable {
  /// Where it stands in the file, from 1.
  package var line: Int
  package var prompt: String
  /// The longest column within the prompt, in bytes: what may be cut.
  package var cuttable: Range<Int>
  package var answer: Answer

  /// What is right.
  package enum Answer: Equatable, Sendable {
    /// One of the options, which continue the prompt as they are. `bytes` is their length without
    /// what stands before every option.
    case option(Int, of: [String], bytes: [Int])
    /// A text, which continues the prompt behind `prefix`.
    case text(String, prefix: String)
  }

  /// What a model should write behind the prompt.
  package var completion: String {
    switch answer {
    case .option(let index, let options, _): options[index]
    case .text(let text, let prefix): prefix + text
    }
  }

  /// Tells whether two lists ask the same.
  package static func sha256(of examples: [TaskExample]) -> String {
    var bytes = Data()
    for example in examples {
      var parts = [example.prompt, example.completion]
      if case .option(_, let options, _) = example.answer { parts += options }
      for part in parts { bytes.append(contentsOf: part.utf8 + [0]) }
      bytes.append(0)
    }
    return ChecksumList.digest(of: bytes)
  }

  /// The example as a model is trained on it.
  package var pair: CorpusExample {
    CorpusExample(prompt: prompt, completion: completion, separator: "", cuttable: cuttable)
  }
}
