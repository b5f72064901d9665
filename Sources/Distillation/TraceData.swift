internal import CKernels
package import Traces

/// The sequences of a trace, read from its shards when they are needed.
package struct TraceData: TrainingData {
  private let traces: TraceSet
  /// Sequences of two tokens or more: a single token predicts nothing.
  private let indices: [Int]

  /// - Throws: `.unusableData` when rows hold more candidates than the loss takes.
  package init(_ traces: TraceSet) throws(TrainingError) {
    guard traces.metadata.topK <= Int(HEAD_LOSS_CANDIDATES_MAX) else {
      throw .unusableData(
        "the trace has top_k \(traces.metadata.topK), the loss takes at most"
          + " \(HEAD_LOSS_CANDIDATES_MAX)")
    }
    self.traces = traces
    indices = traces.lengths.indices.filter { traces.lengths[$0] >= 2 }
  }

  package var count: Int { indices.count }

  package var fingerprint: String { traces.fingerprint }

  package func length(ofSequence index: Int) -> Int { traces.lengths[indices[index]] }

  package func sequence(at index: Int) throws -> TrainingSequence {
    TrainingSequence(try traces.sequence(at: indices[index]))
  }
}

extension TrainingSequence {
  /// A sequence of a trace; its rows are aligned as ours are.
  package init(_ trace: TraceSequence) {
    self.init(
      tokens: trace.tokens, lossMask: trace.lossMask, isStruct: trace.isStruct,
      teacher: TeacherSignal(
        candidateCount: trace.topK, ids: trace.topKIDs, logprobs: trace.topKLogprobs,
        otherLogprobs: trace.otherLogprob))
  }
}
