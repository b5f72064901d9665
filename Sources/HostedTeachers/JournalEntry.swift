internal import Checkpoints
internal import Foundation
internal import Traces

/// A capture as the journal stores it. Making one is most of the work of storing it, and may be done
/// on any thread.
struct JournalEntry: Sendable {
  let id: Int64
  /// The line and the capture after it.
  let record: [UInt8]
  /// Bytes of the capture, the record's last.
  let captureBytes: Int
  let billed: HostedSpend
  /// Tokens of the prompt, where the reply tells.
  let promptTokens: Int?
  /// Tokens of the answer, as the reply tells or has them.
  let answeredTokens: Int

  init(_ capture: Capture) {
    id = capture.id
    promptTokens = capture.promptTokens
    answeredTokens = capture.completionTokens ?? capture.tokens.count
    var spend = HostedSpend()
    spend.promptTokens = capture.promptTokens ?? 0
    spend.completionTokens =
      capture.completionTokens ?? (capture.tokens.count - capture.tokens.promptCount)
    billed = spend
    let payload = CaptureBytes.encode(capture)
    let sum = payload.withUnsafeBytes { ChecksumList.digest(of: $0) }
    let line =
      "{\"event\":\"stored\",\"id\":\(id),\"prompt_tokens\":\(spend.promptTokens),"
      + "\"completion_tokens\":\(spend.completionTokens),\"sha256\":\"\(sum)\","
      + "\"bytes\":\(payload.count)}\n"
    record = Array(line.utf8) + payload
    captureBytes = payload.count
  }
}
