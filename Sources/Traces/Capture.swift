/// What a hosted teacher said to one prompt, in its own tokens: what was paid for, never altered.
///
/// Source: TRACES.md, "Two layers of Parquet".
package struct Capture: Equatable, Sendable {
  /// The prompt's place in the corpus.
  package var id: Int64
  /// The text that was sent: of a chat, the user's message.
  package var prompt: String
  /// The answer; empty when the prompt was only scored.
  package var text: String
  /// The tokens, first those of the prompt when it was scored, then those of the answer.
  package var tokens: CapturedTokens
  /// Why the answer ended, in the provider's word, such as `stop` or `length`; empty when not given.
  package var finishReason: String
  /// The model that the reply names; empty when it names none.
  package var model: String
  /// The provider's fingerprint of what answered; empty when not given.
  package var fingerprint: String
  /// Tokens of the prompt that were billed; nil when not given.
  package var promptTokens: Int?
  /// Tokens of the answer that were billed; nil when not given.
  package var completionTokens: Int?
  /// From the request's start to the reply's end.
  package var latencySeconds: Double

  /// What was said to a prompt.
  package init(
    id: Int64, prompt: String, text: String, tokens: CapturedTokens, finishReason: String = "",
    model: String = "", fingerprint: String = "", promptTokens: Int? = nil,
    completionTokens: Int? = nil, latencySeconds: Double = 0
  ) {
    self.id = id
    self.prompt = prompt
    self.text = text
    self.tokens = tokens
    self.finishReason = finishReason
    self.model = model
    self.fingerprint = fingerprint
    self.promptTokens = promptTokens
    self.completionTokens = completionTokens
    self.latencySeconds = latencySeconds
  }
}

/// Tokens with the candidates that the teacher weighed at each, in flat arrays.
///
/// Token `t` has the bytes `bytes[ends[t - 1]..<ends[t]]` and the candidates
/// `candidateEnds[t - 1]..<candidateEnds[t]`; candidate `c` has the bytes
/// `candidateBytes[candidateByteEnds[c - 1]..<candidateByteEnds[c]]`; before the first is 0.
package struct CapturedTokens: Equatable, Sendable {
  /// Stands for a token id that the provider did not give.
  package static let unknownID: Int32 = -1
  /// Stands for a log-probability that the provider did not give: none is above 0.
  package static let unknownLogprob: Float = 1

  /// Leading tokens that belong to the prompt.
  package var promptCount = 0
  /// The tokens' bytes, one after the other.
  package private(set) var bytes: [UInt8] = []
  /// `[count]` where each token's bytes end. A token without text, such as one that ends the turn,
  /// has none.
  package private(set) var ends: [Int32] = []
  /// `[count]` the teacher's ids.
  package private(set) var ids: [Int32] = []
  /// `[count]` natural logs.
  package private(set) var logprobs: [Float] = []
  /// `[count]` where each token's candidates end.
  package private(set) var candidateEnds: [Int32] = []
  /// The candidates' bytes, one after the other.
  package private(set) var candidateBytes: [UInt8] = []
  /// `[candidates]` where each candidate's bytes end. One whose bytes the provider did not give, or
  /// that has no text, has none.
  package private(set) var candidateByteEnds: [Int32] = []
  /// `[candidates]` the teacher's ids.
  package private(set) var candidateIDs: [Int32] = []
  /// `[candidates]` natural logs, in the order in which they came.
  package private(set) var candidateLogprobs: [Float] = []

  /// No tokens.
  package init() {}

  /// The tokens that these arrays are; nil where they contradict each other.
  ///
  /// - Parameters: as the properties.
  package init?(
    bytes: [UInt8], ends: [Int32], ids: [Int32], logprobs: [Float], candidateEnds: [Int32],
    candidateBytes: [UInt8], candidateByteEnds: [Int32], candidateIDs: [Int32],
    candidateLogprobs: [Float]
  ) {
    guard ids.count == ends.count, logprobs.count == ends.count, candidateEnds.count == ends.count,
      candidateIDs.count == candidateByteEnds.count,
      candidateLogprobs.count == candidateByteEnds.count,
      Self.rise(ends, to: bytes.count), Self.rise(candidateEnds, to: candidateIDs.count),
      Self.rise(candidateByteEnds, to: candidateBytes.count)
    else { return nil }
    self.bytes = bytes
    self.ends = ends
    self.ids = ids
    self.logprobs = logprobs
    self.candidateEnds = candidateEnds
    self.candidateBytes = candidateBytes
    self.candidateByteEnds = candidateByteEnds
    self.candidateIDs = candidateIDs
    self.candidateLogprobs = candidateLogprobs
  }

  private static func rise(_ ends: [Int32], to count: Int) -> Bool {
    var last: Int32 = 0
    for end in ends {
      if end < last { return false }
      last = end
    }
    return Int(last) == count
  }

  /// Number of tokens.
  package var count: Int { ends.count }

  /// Makes room for tokens and candidates that are added next.
  package mutating func reserve(tokens: Int, candidates: Int) {
    ends.reserveCapacity(tokens)
    ids.reserveCapacity(tokens)
    logprobs.reserveCapacity(tokens)
    candidateEnds.reserveCapacity(tokens)
    candidateByteEnds.reserveCapacity(candidates)
    candidateIDs.reserveCapacity(candidates)
    candidateLogprobs.reserveCapacity(candidates)
  }

  /// Adds a token; the candidates that are added next are its own.
  package mutating func append(
    _ token: some Collection<UInt8>, id: Int32 = unknownID, logprob: Float
  ) {
    bytes.append(contentsOf: token)
    ends.append(Int32(bytes.count))
    ids.append(id)
    logprobs.append(logprob)
    candidateEnds.append(Int32(candidateIDs.count))
  }

  /// Adds a candidate to the last token.
  package mutating func appendCandidate(
    _ token: some Collection<UInt8>, id: Int32 = unknownID, logprob: Float
  ) {
    precondition(!candidateEnds.isEmpty, "a candidate belongs to a token")
    candidateBytes.append(contentsOf: token)
    candidateByteEnds.append(Int32(candidateBytes.count))
    candidateIDs.append(id)
    candidateLogprobs.append(logprob)
    candidateEnds[candidateEnds.count - 1] = Int32(candidateIDs.count)
  }

  /// Adds a candidate to the last token, of the bytes `range` of `source`: a reply has thousands, for
  /// which a slice each is dear.
  package mutating func appendCandidate(
    _ range: Range<Int>, of source: [UInt8], id: Int32, logprob: Float
  ) {
    precondition(!candidateEnds.isEmpty, "a candidate belongs to a token")
    source.withUnsafeBufferPointer {
      candidateBytes.append(contentsOf: UnsafeBufferPointer(rebasing: $0[range]))
    }
    candidateByteEnds.append(Int32(candidateBytes.count))
    candidateIDs.append(id)
    candidateLogprobs.append(logprob)
    candidateEnds[candidateEnds.count - 1] = Int32(candidateIDs.count)
  }

  /// The bytes of token `index`.
  package func bytes(of index: Int) -> ArraySlice<UInt8> {
    bytes[(index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])]
  }

  /// The candidates at token `index`, as indices of the candidates' arrays.
  package func candidates(of index: Int) -> Range<Int> {
    (index == 0 ? 0 : Int(candidateEnds[index - 1]))..<Int(candidateEnds[index])
  }

  /// The bytes of candidate `index`.
  package func candidateBytes(of index: Int) -> ArraySlice<UInt8> {
    candidateBytes[
      (index == 0 ? 0 : Int(candidateByteEnds[index - 1]))..<Int(candidateByteEnds[index])]
  }
}
