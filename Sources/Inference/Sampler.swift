internal import CKernels
internal import Foundation
internal import Kernels

/// Draws the tokens of one answer.
struct Sampler {
  private let options: SamplingOptions
  private var drawCount: UInt64 = 0
  /// How often the answer holds a token; 0 for tokens of the prompt alone.
  private var counts: [Int32: Int] = [:]

  init(_ options: SamplingOptions, prompt: [Int32]) {
    self.options = options
    guard options.repetitionPenalty != 1 else { return }
    for token in prompt { counts[token] = 0 }
  }

  /// The next token.
  ///
  /// - Parameter logits: `[V]`.
  /// - Parameter mask: tokens that may come; nil: all.
  mutating func next(
    _ logits: UnsafePointer<Float>, mask: TokenMask?, space: SamplingSpace
  ) throws(GenerationFailure) -> Int32 {
    if let mask, mask.isEmpty { throw .constraintDeadEnd }
    let token = try choose(logits, mask: mask, space: space)
    if usesCounts { counts[token, default: 0] += 1 }
    return token
  }

  private var usesCounts: Bool {
    options.repetitionPenalty != 1 || options.presencePenalty != 0 || options.frequencyPenalty != 0
  }

  private mutating func choose(
    _ logits: UnsafePointer<Float>, mask: TokenMask?, space: SamplingSpace
  ) throws(GenerationFailure) -> Int32 {
    let changes = mask != nil || !counts.isEmpty || !options.logitBias.isEmpty
    if options.temperature == 0 {
      if changes { adjust(logits, mask: mask, space: space) }
      return try space.largest(of: changes ? UnsafePointer(space.work.pointer) : logits)
    }
    let draw = uniform()
    if options.topK > 0 || options.topP < 1 || options.minP > 0 {
      return try chooseFromLargest(logits, mask: mask, space: space, draw: draw)
    }
    adjust(logits, mask: mask, space: space)
    return try space.draw(draw)
  }

  /// Tries ever longer lists of the largest until the filters' edge lies inside.
  private func chooseFromLargest(
    _ logits: UnsafePointer<Float>, mask: TokenMask?, space: SamplingSpace, draw: Double
  ) throws(GenerationFailure) -> Int32 {
    let limit = options.topK > 0 ? min(options.topK, space.vocabulary) : space.vocabulary
    var count = min(limit, 64)
    while count <= Int(TOP_CANDIDATES_MAX) {
      adjust(logits, mask: mask, space: space)
      let candidates = try space.largest(count: count)
      if let token = pick(candidates, isAll: count == limit, draw: draw) { return token }
      count = min(limit, max(count * 4, count + 1))
    }
    adjust(logits, mask: mask, space: space)
    let all = try space.sorted(count: limit)
    // `isAll`: the list is complete, so there is always one.
    return pick(all, isAll: true, draw: draw)!
  }

  /// The token that `draw` falls on among the first candidates; nil when it takes more of them to
  /// say which pass the filters.
  ///
  /// - Parameter candidates: by falling log-probability, over all of the vocabulary.
  private func pick(
    _ candidates: [TokenLogprobs.Candidate], isAll: Bool, draw: Double
  ) -> Int32? {
    let largest = candidates[0].logprob
    // Top-k renormalises, so that top-p is a share of what it left.
    let isRenormalised = options.topK > 0
    let total =
      isRenormalised ? candidates.reduce(0) { $0 + exp(Double($1.logprob)) } : 1
    var kept = 0
    var mass = 0.0
    var isInside = false
    for candidate in candidates {
      if candidate.logprob - largest < log(options.minP) {
        isInside = true
        break
      }
      kept += 1
      mass += exp(Double(candidate.logprob))
      if mass >= Double(options.topP) * total {
        isInside = true
        break
      }
    }
    guard isInside || isAll else { return nil }
    var rest = draw * mass
    for candidate in candidates[..<kept] {
      rest -= exp(Double(candidate.logprob))
      if rest < 0 { return candidate.token }
    }
    return candidates[kept - 1].token
  }

  /// Writes what is sampled from to `space.work`.
  private func adjust(
    _ logits: UnsafePointer<Float>, mask: TokenMask?, space: SamplingSpace
  ) {
    let work = space.work.pointer
    work.update(from: logits, count: space.vocabulary)
    for (token, bias) in options.logitBias where token >= 0 && Int(token) < space.vocabulary {
      work[Int(token)] += bias
    }
    for (token, count) in counts {
      let logit = work[Int(token)]
      work[Int(token)] =
        logit > 0 ? logit / options.repetitionPenalty : logit * options.repetitionPenalty
      guard count > 0 else { continue }
      work[Int(token)] -= options.presencePenalty + options.frequencyPenalty * Float(count)
    }
    if options.temperature > 0 && options.temperature != 1 {
      scale_floats(work, space.vocabulary, 1 / options.temperature, work)
    }
    // Last, so that what is masked stays a finite number.
    if let mask { space.mask(mask) }
  }

  /// Uniform in 0 ..< 1, a function of the seed and of how many were drawn before.
  private mutating func uniform() -> Double {
    drawCount += 1
    // SplitMix64 (Steele et al. 2014).
    var bits = options.seed &+ drawCount &* 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((bits ^ (bits >> 31)) >> 11) * 0x1p-53
  }
}
