import HostedTeachers
import Synchronization
import TestSupport
import Testing
import Traces

struct TeacherProbeTests {
  private func probe(
    _ stub: TeacherStub, topK: Int = 2, api: HostedProvider.API = .chat
  ) throws -> TeacherCapabilities {
    try TeacherProbe(
      HostedEndpoint(provider: .custom, model: "m", baseURL: stub.url, api: api), key: nil,
      pause: { _ in }
    ).run(topK: topK)
  }

  @Test func `a good teacher is described as it is`() throws {
    let found = try probe(TeacherStub())
    #expect(found.logprobs && found.tokenBytes && found.usage)
    #expect(!found.tokenIDs && !found.sentinels)
    #expect(found.topLogprobs == 2)
    #expect(found.sampledIsListed == true)
    #expect(found.isRepeatable == true)
    #expect(found.afterTemperature == false)
    #expect(found.streams == true)
    #expect(found.scoresPrompts == nil)
    #expect(found.answeredAs == "stub")
    var question = HostedQuestion()
    question.topK = 2
    #expect(found.refusal(of: question) == nil)
    question.topK = 5
    #expect(found.refusal(of: question)?.contains("set top_k to 2 or less") == true)
    question.topK = 2
    question.purpose = .score
    #expect(found.refusal(of: question)?.contains("echo") == true)
  }

  @Test func `sentinels only, and empty lists, are refusals`() throws {
    var question = HostedQuestion()
    question.topK = 2
    let sentinels = try probe(TeacherStub { _, _ in .sentinels })
    #expect(sentinels.onlySentinels)
    #expect(sentinels.refusal(of: question)?.contains("only sentinels") == true)
    let empty = try probe(TeacherStub { _, _ in .emptyTopLogprobs })
    #expect(!empty.logprobs)
    #expect(empty.refusal(of: question)?.contains("gives no log-probabilities") == true)
  }

  @Test func `a server that refuses logprobs is asked for fewer, then described`() throws {
    let body = #"{"error":{"message":"logprobs is not supported"}}"#
    let stub = try TeacherStub(special: { _, _ in
      "HTTP/1.1 400 X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    })
    let found = try probe(stub, topK: 50)
    #expect(!found.logprobs)
    #expect(found.remarks == ["status 400: logprobs is not supported"])
    #expect(stub.report.requests.values.first == 4)
  }

  @Test func `an unknown model is told with those that there are`() throws {
    let stub = try TeacherStub(special: { _, _ in
      "HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\n{}"
    })
    #expect(
      throws: HostedTeacherError.notFound(
        url: stub.url + "/chat/completions", model: "m", models: ["large", "small"])
    ) { try probe(stub) }
  }

  @Test func `it waits out a busy moment`() throws {
    let stub = try TeacherStub { _, attempt in attempt == 1 ? .tooMany : nil }
    #expect(try probe(stub).logprobs)
  }
}
