internal import CKernels
internal import Foundation
internal import Kernels

/// Memory for sampling from one row of logits, and the loops over it.
final class SamplingSpace {
  /// V.
  let vocabulary: Int
  /// `[V]`: logits after everything that changes them.
  let work: AlignedBuffer<Float>
  private let weights: AlignedBuffer<Float>
  private let table: inference_kernels_table
  private let instructionSet: InstructionSet

  init(vocabulary: Int, instructionSet: InstructionSet) {
    self.vocabulary = vocabulary
    self.instructionSet = instructionSet
    work = AlignedBuffer(count: vocabulary)
    weights = AlignedBuffer(count: vocabulary)
    table = inferenceLoops(instructionSet)
  }

  func mask(_ mask: TokenMask) {
    table.mask_logits(mask.words, vocabulary, work.pointer)
  }

  /// The most probable token.
  func largest(of logits: UnsafePointer<Float>) throws(GenerationFailure) -> Int32 {
    let index = index_of_largest(logits, vocabulary)
    guard logits[index].isFinite else { throw .notFinite }
    return Int32(index)
  }

  /// The token that `draw`, in 0 ..< 1, falls on when `work` is the whole distribution.
  func draw(_ draw: Double) throws(GenerationFailure) -> Int32 {
    let largest = work.pointer[index_of_largest(work.pointer, vocabulary)]
    let sum = table.exponential_weights(work.pointer, vocabulary, largest, weights.pointer)
    guard sum.isFinite, sum > 0 else { throw .notFinite }
    return Int32(index_of_share(weights.pointer, vocabulary, draw * sum))
  }

  /// The `count` largest of `work` with their log-probabilities, falling. Changes `work`.
  func largest(count: Int) throws(GenerationFailure) -> [TokenLogprobs.Candidate] {
    var ids = [Int32](repeating: 0, count: count)
    var logprobs = [Float](repeating: 0, count: count)
    var other: Float = 0
    var isFinite: UInt8 = 0
    let select =
      switch instructionSet {
      case .scalar: top_candidates_reference
      case .avx2: top_candidates_avx2
      case .avx512: top_candidates_avx512
      }
    ids.withUnsafeMutableBufferPointer { ids in
      logprobs.withUnsafeMutableBufferPointer { logprobs in
        withUnsafeMutablePointer(to: &other) { other in
          withUnsafeMutablePointer(to: &isFinite) { isFinite in
            var chunk = top_candidates_chunk(
              logits: work.pointer, vocabulary: vocabulary, candidates: count,
              ids: ids.baseAddress, logprobs: logprobs.baseAddress, other_logprobs: other,
              finite: isFinite)
            select(&chunk, 0, 1)
          }
        }
      }
    }
    guard isFinite == 1 else { throw .notFinite }
    return zip(ids, logprobs).map { TokenLogprobs.Candidate(token: $0, logprob: $1) }
  }

  /// As `largest(count:)`, for lists that are too long for it.
  func sorted(count: Int) throws(GenerationFailure) -> [TokenLogprobs.Candidate] {
    let (sum, largest) = try logSumExp(work.pointer)
    guard largest >= 0 else { throw .notFinite }
    var all: [TokenLogprobs.Candidate] = (0..<vocabulary).map { index in
      let logprob = Double(work.pointer[index]) - sum
      return TokenLogprobs.Candidate(token: Int32(index), logprob: Float(logprob))
    }
    all.sort { $0.logprob > $1.logprob || ($0.logprob == $1.logprob && $0.token < $1.token) }
    return Array(all.prefix(count))
  }

  /// The log-probability of `token`, and the `top` most probable ones.
  func logprobs(
    _ logits: UnsafePointer<Float>, token: Int32, top: Int
  ) throws(GenerationFailure) -> TokenLogprobs {
    let (sum, _) = try logSumExp(logits)
    let logprob = Float(Double(logits[Int(token)]) - sum)
    guard top > 0 else { return TokenLogprobs(logprob: logprob, top: []) }
    work.pointer.update(from: logits, count: vocabulary)
    return TokenLogprobs(logprob: logprob, top: try largest(count: min(top, vocabulary)))
  }

  private func logSumExp(
    _ logits: UnsafePointer<Float>
  ) throws(GenerationFailure) -> (sum: Double, largest: Int32) {
    var sum = 0.0
    var largest: Int32 = 0
    let set: Int32 =
      switch instructionSet {
      case .scalar: 0
      case .avx2: 1
      case .avx512: 2
      }
    evaluation_kernels(set).pointee.row_log_sum_exp(logits, vocabulary, &sum, &largest)
    guard largest >= 0 else { throw .notFinite }
    return (sum, largest)
  }
}
