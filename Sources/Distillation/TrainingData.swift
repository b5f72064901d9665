/// Sequences by index: in memory, or in the shards of a trace.
package protocol TrainingData: Sendable {
  /// How many sequences there are.
  var count: Int { get }
  /// Tokens of one sequence, without reading it.
  func length(ofSequence index: Int) -> Int
  /// One sequence; a pure function of the index.
  func sequence(at index: Int) throws -> TrainingSequence
  /// What identifies the content: a checkpoint goes on with the same data only.
  var fingerprint: String { get }
}
