import HostedTeachers
import TestSupport
import Testing
import Tokenization
import Traces

struct HostedReplyTests {
  private func capture(
    _ reply: HostedReply, prompt: String = "p", purpose: CaptureMetadata.Purpose = .answer,
    topK: Int = 2
  ) throws -> Capture {
    let endpoint = try HostedEndpoint(
      provider: .custom, model: "m", baseURL: "http://127.0.0.1:1/v1")
    return try reply.capture(
      id: 3, prompt: prompt, purpose: purpose, topK: topK, endpoint: endpoint, latencySeconds: 0.5)
  }

  private func texts(_ tokens: CapturedTokens) -> [[UInt8]] {
    (0..<tokens.count).map { Array(tokens.bytes(of: $0)) }
  }

  @Test func `OpenAI's chat reply keeps bytes, and no sentinel`() throws {
    let capture = try capture(HostedReply(reading: Array(ReplyShapes.openAIChat.utf8)))
    #expect(capture.text == "Hi é")
    #expect(capture.model == "gpt-4.1-mini")
    #expect(capture.fingerprint == "fp_44709d6fcb")
    #expect(capture.finishReason == "stop")
    #expect(capture.promptTokens == 19)
    #expect(capture.completionTokens == 3)
    #expect(capture.latencySeconds == 0.5)
    #expect(texts(capture.tokens) == [[72, 105], [32, 195], [169]])
    #expect(capture.tokens.logprobs == [-0.25, -0.5, 0])
    #expect(capture.tokens.candidateEnds == [2, 3, 4])
    #expect(capture.tokens.candidateLogprobs == [-0.25, -1.75, -0.5, 0])
    #expect(Array(capture.tokens.candidateBytes(of: 1)) == Array("Hello".utf8))
  }

  @Test func `llama.cpp's reply keeps ids, and the end of the turn has no text`() throws {
    let capture = try capture(HostedReply(reading: Array(ReplyShapes.llamaCpp.utf8)))
    #expect(capture.text == "Hi there")
    #expect(capture.tokens.ids == [13048, 1052, 151645])
    #expect(capture.tokens.candidateIDs == [13048, 9707, 1052, 0, 151645, 0])
    #expect(texts(capture.tokens) == [Array("Hi".utf8), Array(" there".utf8), []])
  }

  @Test func `bytes that a provider lost are told from the text, without candidates there`() throws
  {
    let capture = try capture(HostedReply(reading: Array(ReplyShapes.vllmCompletions.utf8)))
    #expect(capture.text == " an €!")
    #expect(
      texts(capture.tokens) == [Array(" an".utf8), Array(" €".utf8), [], Array("!".utf8)])
    #expect(capture.tokens.candidateEnds == [2, 2, 2, 4])
    #expect(capture.tokens.logprobs == [-0.5, -1.0, -0.125, -0.75])
  }

  @Test func `an echoed prompt is scored, and the one token after it is left out`() throws {
    let capture = try capture(
      HostedReply(reading: Array(ReplyShapes.vllmEcho.utf8)), prompt: "The sea", purpose: .score)
    #expect(capture.text.isEmpty)
    #expect(capture.tokens.promptCount == 2)
    #expect(texts(capture.tokens) == [Array("The".utf8), Array(" sea".utf8)])
    #expect(capture.tokens.logprobs == [CapturedTokens.unknownLogprob, -2])
    #expect(capture.tokens.candidateEnds == [0, 2])
    #expect(capture.tokens.candidateLogprobs == [-1, -2])
  }

  @Test func `a streamed reply is the same as a whole one`() throws {
    let reply = try HostedReply(readingEvents: Array(ReplyShapes.openAIStream.utf8))
    let capture = try capture(reply)
    #expect(capture.text == "Hi!")
    #expect(capture.fingerprint == "fp_1")
    #expect(capture.finishReason == "stop")
    #expect(capture.completionTokens == 2)
    #expect(capture.tokens.candidateLogprobs == [-0.25, -2.5, -0.5, -1])
  }

  @Test func `a stream that breaks off is not taken for a whole one`() throws {
    let whole = Array(ReplyShapes.openAIStream.utf8)
    let end = whole.count - "[DONE]\n\n".utf8.count
    for count in stride(from: 0, to: end, by: 3) {
      #expect(throws: JSONSyntaxError.self, "\(count) bytes") {
        try HostedReply(readingEvents: Array(whole[..<count]))
      }
    }
  }

  @Test func `tokens that are written as ids are ids`() throws {
    let reply = try HostedReply(reading: Array(ReplyShapes.tokenIDs.utf8))
    #expect(reply.tokens.map(\.id) == [7, 8])
    #expect(reply.candidates(at: reply.tokens[0]).map(\.id) == [7, 9])
    #expect(reply.tokens.allSatisfy { reply.bytes(of: $0.text) == nil })
  }

  @Test func `a fault in a good status is a fault`() throws {
    let reply = try HostedReply(reading: Array(ReplyShapes.openRouterFault.utf8))
    #expect(
      throws: RequestFault.overloaded(
        reason: "status 502: Provider returned error", retryAfter: nil)
    ) { try capture(reply) }
  }

  @Test(arguments: [
    (#"{"choices":[]}"#, "the reply has no choice"),
    (#"{"choices":[{"message":{"content":"a"}}]}"#, "the reply has no log-probabilities"),
    (
      #"{"choices":[{"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[-1],"top_logprobs":[{}]}}]}"#,
      "every top_logprobs is empty"
    ),
    (
      #"{"choices":[{"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[-1],"top_logprobs":[{"a":-0.1,"b":-0.1}]}}]}"#,
      "the candidates' probabilities sum to more than 1"
    ),
    (
      #"{"choices":[{"text":"ab","logprobs":{"tokens":["a","x"],"token_logprobs":[-1,-1],"top_logprobs":[{"a":-1},{"x":-1}]}}]}"#,
      "its tokens do not spell its text"
    ),
    (
      #"{"choices":[{"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[0.5],"top_logprobs":[{"a":-1}]}}]}"#,
      "a log-probability is above 0"
    ),
    (
      #"{"choices":[{"message":{"content":"","reasoning_content":"hm"}}]}"#,
      "max_tokens was used up by reasoning, which has no log-probabilities"
    ),
  ])
  func `an unusable reply is named`(text: String, reason: String) throws {
    let reply = try HostedReply(reading: Array(text.utf8))
    #expect(throws: RequestFault.unusable(reason: reason)) { try capture(reply) }
  }

  @Test func `eight sentinels in a row are no teacher's`() throws {
    let token =
      #"{"token":"a","logprob":0,"bytes":[97],"top_logprobs":[{"token":"a","logprob":0,"bytes":[97]},{"token":"b","logprob":-9999,"bytes":[98]}]}"#
    func reply(_ count: Int) throws -> HostedReply {
      let tokens = Array(repeating: token, count: count).joined(separator: ",")
      let text = String(repeating: "a", count: count)
      return try HostedReply(
        reading: Array(
          #"{"choices":[{"message":{"content":"\#(text)"},"logprobs":{"content":[\#(tokens)]}}]}"#
            .utf8))
    }
    #expect(try capture(reply(7)).tokens.count == 7)
    #expect(throws: RequestFault.unusable(reason: "every top_logprobs holds only -9999")) {
      try capture(reply(8))
    }
  }

  @Test func `damaged replies never crash`() throws {
    let shapes = [
      ReplyShapes.openAIChat, ReplyShapes.llamaCpp, ReplyShapes.vllmCompletions,
      ReplyShapes.openAIStream,
    ]
    for seed in UInt64(1)...400 {
      var random = SplitMix64(seed: seed)
      var bytes = Array(shapes[Int(seed) % shapes.count].utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        switch Int.random(in: 0...2, using: &random) {
        case 0:
          bytes[Int.random(in: bytes.indices, using: &random)] = .random(
            in: 0...255, using: &random)
        case 1: bytes.removeSubrange(Int.random(in: bytes.indices, using: &random)...)
        default:
          let cut = Int.random(in: bytes.indices, using: &random)
          bytes.removeSubrange(cut..<min(bytes.count, cut + 9))
        }
        if bytes.isEmpty { bytes = [123] }
      }
      let reply =
        try? seed % 4 == 3 ? HostedReply(readingEvents: bytes) : HostedReply(reading: bytes)
      _ = try? reply.map { try capture($0) }
    }
  }
}
