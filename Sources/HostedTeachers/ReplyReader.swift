internal import Foundation
internal import HTTPClient
internal import Traces

/// A prompt whose reply has come.
struct HostedPrompt: Sendable {
  let id: Int
  let text: String
  /// From the request's start to the reply's end.
  let latencySeconds: Double
}

/// What was read in a reply.
struct ReplyReading: Sendable {
  let id: Int
  /// What the journal appends.
  let result: Result<JournalEntry, RequestFault>
  /// What an unusable reply billed all the same.
  let billed: HostedSpend
}

/// Reads 2xx replies and writes down what they hold; it keeps nothing, so that any thread may use it.
struct ReplyReader: Sendable {
  let question: HostedQuestion
  let endpoint: HostedEndpoint
  let key: String?

  func read(_ response: HTTPClient.Response, to prompt: HostedPrompt) -> ReplyReading {
    var billed = HostedSpend()
    do throws(RequestFault) {
      let capture = try capture(response, prompt, billed: &billed)
      return ReplyReading(id: prompt.id, result: .success(JournalEntry(capture)), billed: billed)
    } catch {
      return ReplyReading(id: prompt.id, result: .failure(error), billed: billed)
    }
  }

  private func capture(
    _ response: HTTPClient.Response, _ prompt: HostedPrompt, billed: inout HostedSpend
  ) throws(RequestFault) -> Capture {
    var reply = try HostedReply.read(response, isStreamed: question.isStreamed)
    if let fault = reply.fault { reply.fault?.message = Self.cleaned(fault.message, of: key) }
    billed.promptTokens = reply.promptTokens ?? 0
    billed.completionTokens = reply.completionTokens ?? 0
    return try reply.capture(
      id: Int64(prompt.id), prompt: prompt.text, purpose: question.purpose, topK: question.topK,
      endpoint: endpoint, latencySeconds: prompt.latencySeconds)
  }

  /// A server's words without the key, and short.
  static func cleaned(_ words: String, of key: String?) -> String {
    let safe = key.map { words.replacingOccurrences(of: $0, with: "[key]") } ?? words
    return String(safe.prefix(300))
  }
}
