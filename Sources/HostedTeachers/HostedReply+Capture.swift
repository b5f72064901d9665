// From what was read to what is stored: a reply is judged here, and only here.

internal import Foundation
package import HTTPClient
internal import Tokenization
package import Traces

extension HostedReply {
  /// A log-probability at or below it stands for "none" (OpenAI writes -9999).
  static let sentinel = -9999.0
  /// What the sum of probabilities may exceed 1 by: servers round, and some compute in 16 bits.
  static let massTolerance = 0.02

  /// Reads the reply to one prompt.
  ///
  /// - Returns: the reply, and what was billed, also when it cannot be used.
  package static func read(
    _ response: HTTPClient.Response, isStreamed: Bool
  ) throws(RequestFault) -> HostedReply {
    let isEvents = response.header("content-type")?.hasPrefix("text/event-stream") ?? isStreamed
    do {
      return isEvents
        ? try HostedReply(readingEvents: response.body) : try HostedReply(reading: response.body)
    } catch {
      throw .unusable(
        reason:
          "the reply is not what was asked for: byte \(error.byte), expected \(error.expected)")
    }
  }

  /// The capture that this reply to `prompt` is.
  ///
  /// - Parameters:
  ///   - topK: candidates that were asked for; 0 asks for the text only.
  ///   - endpoint: for what a fault in a 200 means.
  package func capture(
    id: Int64, prompt: String, purpose: CaptureMetadata.Purpose, topK: Int,
    endpoint: HostedEndpoint, latencySeconds: Double
  ) throws(RequestFault) -> Capture {
    if let fault { throw Self.meaning(of: fault, endpoint) }
    guard hasChoice else { throw .unusable(reason: "the reply has no choice") }
    if finishReason == "content_filter" {
      throw .poison(reason: "the provider's filter kept the answer back")
    }
    var capture = Capture(
      id: id, prompt: prompt, text: text, tokens: CapturedTokens(), finishReason: finishReason,
      model: model, fingerprint: fingerprint, promptTokens: promptTokens,
      completionTokens: completionTokens, latencySeconds: latencySeconds)
    guard topK > 0 else { return capture }
    guard !tokens.isEmpty else {
      if text.isEmpty {
        throw .unusable(
          reason: hasReasoning
            ? "max_tokens was used up by reasoning, which has no log-probabilities"
            : "the answer is empty")
      }
      throw .unusable(reason: "the reply has no log-probabilities")
    }
    try checkNumbers()
    let spellings = try spell(prompt: prompt, purpose: purpose)
    capture.tokens = try flattened(
      spellings, promptBytes: purpose == .score ? prompt.utf8.count : nil)
    // Of an answer, what its tokens spell, blanks at its start included.
    capture.text =
      purpose == .score ? "" : String(decoding: capture.tokens.bytes, as: UTF8.self)
    return capture
  }

  /// A fault that came with status 200, as OpenRouter sends them.
  private static func meaning(of fault: Fault, _ endpoint: HostedEndpoint) -> RequestFault {
    RequestFault(status: fault.status ?? 502, said: fault, retryAfter: nil, endpoint: endpoint)
      ?? .unusable(reason: "the reply is a fault: \(fault.message)")
  }

  private func checkNumbers() throws(RequestFault) {
    var listed = 0
    var sentinels = 0
    for token in tokens {
      if let logprob = token.logprob, logprob > 0.001 {
        throw .unusable(reason: "a log-probability is above 0")
      }
      var real = 0
      var mass = 0.0
      for index in token.candidates where candidates[index].logprob > Self.sentinel {
        real += 1
        mass += exp(candidates[index].logprob)
      }
      if real > 0 { listed += 1 }
      if real < min(2, token.candidates.count) { sentinels += 1 }
      // Not below, so that what is no number fails, too.
      guard mass <= 1 + Self.massTolerance else {
        throw .unusable(reason: "the candidates' probabilities sum to more than 1")
      }
    }
    guard listed > 0 else { throw .unusable(reason: "every top_logprobs is empty") }
    // A teacher may be sure of a word, but not of eight in a row to the last bit.
    guard tokens.count < 8 || sentinels < tokens.count else {
      throw .unusable(reason: "every top_logprobs holds only -9999")
    }
  }

  // MARK: - Bytes

  private static let misspelled = RequestFault.unusable(reason: "its tokens do not spell its text")

  /// A token's bytes: where they lie in `HostedReply.bytes`, or in the text, where they were lost.
  private enum Spelling {
    case given(Range<Int>)
    case told([UInt8])
  }

  /// The bytes of each token, which spell the text.
  ///
  /// Tokens after the text's end are those that end the turn, and have none. Where a provider lost
  /// bytes, the first token of the gap gets all of the gap, and the gap has no candidates.
  private func spell(
    prompt: String, purpose: CaptureMetadata.Purpose
  ) throws(RequestFault) -> [Spelling] {
    let whole: String
    switch purpose {
    case .answer: whole = text
    // What is echoed may or may not be repeated in the text.
    case .score: whole = text.hasPrefix(prompt) ? text : prompt + text
    }
    let target = Array(whole.utf8)
    // Bytes that are no character, such as those of one that max_tokens cut, are U+FFFD in the text.
    if tokens.allSatisfy(\.text.isKnown) {
      let spelled = tokens.flatMap { bytes[$0.text.range] }
      if spelled == target
        || String(decoding: spelled, as: UTF8.self).utf8.elementsEqual(target)
      {
        return tokens.map { .given($0.text.range) }
      }
    }
    var spellings: [Spelling] = []
    spellings.reserveCapacity(tokens.count)
    var position = skippedBlanks(in: target)
    var gap: Int?
    for token in tokens {
      guard token.text.isKnown else {
        gap = gap ?? spellings.count
        spellings.append(.told([]))
        continue
      }
      let own = bytes[token.text.range]
      if position >= 0, let first = gap, !own.isEmpty {
        guard let start = Self.find(own, in: target, from: position + 1) else {
          throw Self.misspelled
        }
        spellings[first] = .told(Array(target[position..<start]))
        position = start
        gap = nil
      }
      if position < 0 {
        // Blanks that the text lacks: the tokens are right, and the text begins within one.
        position += own.count
        guard position <= 0 || target.starts(with: own.suffix(position)) else {
          throw Self.misspelled
        }
      } else if target[position...].starts(with: own) {
        position += own.count
      } else if position == target.count {
        spellings.append(.told([]))
        continue
      } else {
        throw Self.misspelled
      }
      spellings.append(.given(token.text.range))
    }
    if let first = gap, position >= 0 {
      spellings[first] = .told(Array(target[position...]))
      position = target.count
    }
    guard position == target.count else { throw Self.misspelled }
    return spellings
  }

  /// Minus the number of blanks that the tokens have at their start and the text has not.
  private func skippedBlanks(in text: [UInt8]) -> Int {
    let start = tokens.prefix(4).flatMap { bytes(of: $0.text) ?? [] }
    let isBlank: (UInt8) -> Bool = { $0 == 32 || $0 == 10 || $0 == 13 || $0 == 9 }
    return min(0, text.prefix(while: isBlank).count - start.prefix(while: isBlank).count)
  }

  private static func find(_ bytes: ArraySlice<UInt8>, in text: [UInt8], from start: Int) -> Int? {
    guard start <= text.count - bytes.count else { return nil }
    return (start...(text.count - bytes.count)).first { text[$0...].starts(with: bytes) }
  }

  /// All tokens of an answer, or those of a scored prompt.
  private func flattened(
    _ spellings: [Spelling], promptBytes: Int?
  ) throws(RequestFault) -> CapturedTokens {
    var flat = CapturedTokens()
    flat.reserve(tokens: tokens.count, candidates: candidates.count)
    for (token, spelling) in zip(tokens, spellings) {
      if let promptBytes, flat.bytes.count >= promptBytes { break }
      let logprob = token.logprob.flatMap { $0 > Self.sentinel ? Float(min(0, $0)) : nil }
      let known = logprob ?? CapturedTokens.unknownLogprob
      switch spelling {
      case .told(let told):
        flat.append(told, id: token.id, logprob: known)
        if !told.isEmpty || !token.text.isKnown { continue }
      case .given(let range): flat.append(bytes[range], id: token.id, logprob: known)
      }
      for index in token.candidates where candidates[index].logprob > Self.sentinel {
        let candidate = candidates[index]
        flat.appendCandidate(
          candidate.text.range, of: bytes, id: candidate.id,
          logprob: Float(min(0, candidate.logprob)))
      }
    }
    guard let promptBytes else { return flat }
    guard flat.bytes.count == promptBytes else {
      throw .unusable(reason: "the prompt is not echoed in whole tokens")
    }
    flat.promptCount = flat.count
    return flat
  }
}
