/// One sequence of a trace: tokens, and for each what the teacher thought would come there.
///
/// Row `t` holds token `t` and the distribution that predicted it from tokens before `t`, so row 0
/// never has a teacher signal. K is `topK`; arrays of candidates are flat, `[count, topK]`.
///
/// Source: TRACES.md, "Two layers of Parquet".
package struct TraceSequence: Equatable, Sendable {
  /// The sequence's place in the corpus.
  package let id: Int64
  /// `[count]` student token ids.
  package let tokens: [Int32]
  /// Most candidates that a row has.
  package let topK: Int
  /// `[count, topK]` student token ids by falling log-probability; -1 after the last one.
  package let topKIDs: [Int32]
  /// `[count, topK]` natural logs at temperature 1; minus infinity after the last one.
  package let topKLogprobs: [Float]
  /// `[count]` candidates of each row; 0 where there is no teacher signal.
  package let candidateCounts: [Int32]
  /// `[count]` log of the mass on all other tokens; 0 where there is no teacher signal.
  package let otherLogprob: [Float]
  /// `[count]` whether predicting this token counts in the loss.
  package let lossMask: [Bool]
  /// `[count]` whether this token is structural.
  package let isStruct: [Bool]

  /// A sequence of arrays that all have the same number of rows.
  package init(
    id: Int64, tokens: [Int32], topK: Int, topKIDs: [Int32], topKLogprobs: [Float],
    candidateCounts: [Int32], otherLogprob: [Float], lossMask: [Bool], isStruct: [Bool]
  ) {
    let count = tokens.count
    precondition(topKIDs.count == count * topK, "topKIDs must be [\(count), \(topK)]")
    precondition(topKLogprobs.count == count * topK, "topKLogprobs must be [\(count), \(topK)]")
    precondition(
      candidateCounts.count == count && otherLogprob.count == count && lossMask.count == count
        && isStruct.count == count, "every array must have \(count) rows")
    precondition(
      candidateCounts.allSatisfy { 0...topK ~= Int($0) }, "rows have 0 to \(topK) candidates")
    self.id = id
    self.tokens = tokens
    self.topK = topK
    self.topKIDs = topKIDs
    self.topKLogprobs = topKLogprobs
    self.candidateCounts = candidateCounts
    self.otherLogprob = otherLogprob
    self.lossMask = lossMask
    self.isStruct = isStruct
  }

  /// Number of rows, which is the number of tokens.
  package var count: Int { tokens.count }
}
