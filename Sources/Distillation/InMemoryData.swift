internal import Checkpoints
internal import Foundation

/// Sequences that fit in memory, such as a tokenized corpus.
package struct InMemoryData: TrainingData {
  private let sequences: [TrainingSequence]
  package let fingerprint: String

  /// - Parameters:
  ///   - sequences: those without a target are left out, since nothing is learned from them.
  package init(_ sequences: [TrainingSequence]) {
    self.sequences = sequences.filter { $0.targetCount > 0 }
    fingerprint = Self.fingerprint(of: self.sequences)
  }

  package var count: Int { sequences.count }

  package func length(ofSequence index: Int) -> Int { sequences[index].tokens.count }

  package func sequence(at index: Int) -> TrainingSequence { sequences[index] }

  private static func fingerprint(of sequences: [TrainingSequence]) -> String {
    var digests = Data()
    for sequence in sequences {
      var content = Data()
      sequence.tokens.withUnsafeBytes { content.append(contentsOf: $0) }
      sequence.lossMask.withUnsafeBytes { content.append(contentsOf: $0) }
      sequence.isStruct.withUnsafeBytes { content.append(contentsOf: $0) }
      if let teacher = sequence.teacher {
        teacher.ids.withUnsafeBytes { content.append(contentsOf: $0) }
        teacher.logprobs.withUnsafeBytes { content.append(contentsOf: $0) }
        teacher.otherLogprobs.withUnsafeBytes { content.append(contentsOf: $0) }
      }
      digests.append(contentsOf: ChecksumList.digest(of: content).utf8)
    }
    return ChecksumList.digest(of: digests)
  }
}
