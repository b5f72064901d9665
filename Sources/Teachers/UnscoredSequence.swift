import Checkpoints
import Foundation

/// A text that a teacher is asked to score.
package struct UnscoredSequence: Equatable, Sendable {
  /// Its place in the corpus; ids rise.
  package let id: Int64
  /// The text.
  package let tokens: [Int32]
  /// `[tokens]` whether predicting this token counts in the loss; never the first.
  package let lossMask: [Bool]
  /// `[tokens]` whether this token is structural.
  package let isStruct: [Bool]

  /// A text whose tokens from `firstTarget` on count in the loss.
  ///
  /// - Parameters:
  ///   - firstTarget: 0 for all, the length of the prompt for the completion only.
  ///   - structural: whether a token is structural, by id (`StructuralTokens`).
  package init(id: Int64, tokens: [Int32], firstTarget: Int = 0, structural: [Bool] = []) {
    self.id = id
    self.tokens = tokens
    lossMask = tokens.indices.map { $0 >= max(1, firstTarget) }
    isStruct = tokens.map { structural.indices.contains(Int($0)) && structural[Int($0)] }
  }

  /// SHA-256 of ids, tokens and masks: a collection goes on with the same texts only.
  package static func fingerprint(of sequences: [UnscoredSequence]) -> String {
    var bytes = Data()
    for sequence in sequences {
      withUnsafeBytes(of: sequence.id.littleEndian) { bytes.append(contentsOf: $0) }
      withUnsafeBytes(of: sequence.tokens.count.littleEndian) { bytes.append(contentsOf: $0) }
      sequence.tokens.withUnsafeBytes { bytes.append(contentsOf: $0) }
      sequence.lossMask.withUnsafeBytes { bytes.append(contentsOf: $0) }
      sequence.isStruct.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
    return ChecksumList.digest(of: bytes)
  }
}
