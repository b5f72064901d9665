import Foundation
import Traces

/// A stretch of a capture that is encoded for itself: its prompt, or its answer.
struct CaptureSegment {
  let text: String
  /// The captured tokens that spell it.
  let tokens: Range<Int>
  /// The token that begins at a byte of the text.
  let tokenStarting: [Int: Int]
  /// The token without text behind its end: the teacher's decision to end.
  let endToken: Int?

  /// A text about whose tokens nothing is known.
  init(unscored text: String) {
    self.text = text
    tokens = 0..<0
    tokenStarting = [:]
    endToken = nil
  }

  /// - Returns: nil when the tokens do not spell `text`.
  init?(_ text: String, tokens: Range<Int>, of captured: CapturedTokens) {
    var starts: [Int: Int] = [:]
    var spelled: [UInt8] = []
    var end: Int?
    for token in tokens {
      let bytes = captured.bytes(of: token)
      if bytes.isEmpty {
        end = end ?? token
        continue
      }
      // Text behind an end that the teacher went past belongs to no place of ours.
      end = nil
      starts[spelled.count] = token
      spelled.append(contentsOf: bytes)
    }
    guard spelled.elementsEqual(text.utf8) else { return nil }
    self.text = text
    self.tokens = tokens
    tokenStarting = starts
    endToken = end
  }
}

extension Capture {
  /// Prompt and answer with the tokens that spell them. Where they do not spell the text (a provider
  /// that strips or rewrites it), the text has no signal.
  func segments(
    coverage: inout ProjectionCoverage
  ) -> (prompt: CaptureSegment, answer: CaptureSegment) {
    let answerTokens = tokens.promptCount..<tokens.count
    let prompt =
      tokens.promptCount == 0
      ? nil : CaptureSegment(self.prompt, tokens: 0..<tokens.promptCount, of: tokens)
    let answer = CaptureSegment(text, tokens: answerTokens, of: tokens)
    if answer == nil || (prompt == nil && tokens.promptCount > 0) {
      coverage.addUnalignedSequence()
    }
    return (
      prompt ?? CaptureSegment(unscored: self.prompt), answer ?? CaptureSegment(unscored: text)
    )
  }
}

extension CapturedTokens {
  /// Providers write sentinels for values that they do not have.
  private static func probability(_ logprob: Float) -> Double? {
    logprob.isNaN || logprob > 1e-3 || logprob < -1000 ? nil : min(1, exp(Double(logprob)))
  }

  /// Nil when the provider did not give it.
  func probability(ofCandidate index: Int) -> Double? {
    Self.probability(candidateLogprobs[index])
  }

  /// Nil when the provider did not give it.
  func probability(of token: Int) -> Double? { Self.probability(logprobs[token]) }

  /// Whether a candidate is the token that the text has.
  func isActual(_ candidate: Int, at token: Int) -> Bool {
    let (id, candidateID) = (ids[token], candidateIDs[candidate])
    if id != Self.unknownID, candidateID != Self.unknownID { return id == candidateID }
    let bytes = bytes(of: token)
    return !bytes.isEmpty && candidateBytes(of: candidate) == bytes
  }
}
