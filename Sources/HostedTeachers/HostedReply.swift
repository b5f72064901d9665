internal import Traces

/// One reply as it was read, before anybody judged it.
package struct HostedReply: Equatable, Sendable {
  /// Bytes of `HostedReply.bytes`, or unknown where a provider gave only a text in which some are
  /// lost.
  package struct Text: Equatable, Sendable {
    package var start: Int32
    /// -1 where they are unknown.
    package var end: Int32

    package static let unknown = Text(start: 0, end: -1)
    package var isKnown: Bool { end >= 0 }
    package var range: Range<Int> { Int(start)..<Int(max(start, end)) }
  }

  /// A token, and where its candidates are.
  package struct Token: Equatable, Sendable {
    package var text = Text.unknown
    package var id = CapturedTokens.unknownID
    /// Nil when not given.
    package var logprob: Double?
    /// Of `HostedReply.candidates`.
    package var candidates = 0..<0
  }

  package struct Candidate: Equatable, Sendable {
    package var text: Text
    package var id = CapturedTokens.unknownID
    package var logprob: Double
  }

  /// What the server says instead of an answer.
  package struct Fault: Equatable, Sendable {
    package var message = ""
    /// Its kind, in the server's words, such as `insufficient_quota`.
    package var kind = ""
    /// An HTTP status, where one is named.
    package var status: Int?

    package init() {}
  }

  package var text = ""
  /// Thoughts that are not part of the answer.
  package var hasReasoning = false
  package var tokens: [Token] = []
  package var candidates: [Candidate] = []
  /// Of all tokens and candidates: a reply has thousands, and one array is enough for them.
  package var bytes: [UInt8] = []
  package var finishReason = ""
  package var model = ""
  package var fingerprint = ""
  package var promptTokens: Int?
  package var completionTokens: Int?
  package var fault: Fault?
  /// Whether there was a choice, of whatever content.
  package var hasChoice = false
  /// Whether token bytes were given as such.
  package var givesBytes = false
  /// Whether token ids were given.
  package var givesIDs = false

  /// Nothing yet.
  package init() {}

  /// The candidates at a token.
  package func candidates(at token: Token) -> ArraySlice<Candidate> { candidates[token.candidates] }

  /// What a token or candidate is made of; nil where it is unknown.
  package func bytes(of text: Text) -> ArraySlice<UInt8>? {
    text.isKnown ? bytes[text.range] : nil
  }
}
