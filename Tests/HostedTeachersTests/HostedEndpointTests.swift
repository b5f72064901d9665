import Foundation
import HTTPClient
import HostedTeachers
import Testing

struct HostedEndpointTests {
  @Test func `a provider brings its address and the name of its key`() throws {
    let endpoint = try HostedEndpoint(provider: .openai, model: "gpt-4.1-mini")
    #expect(endpoint.url == "https://api.openai.com/v1/chat/completions")
    #expect(endpoint.keyVariable == "OPENAI_API_KEY")
    #expect(throws: HostedTeacherError.noKey(variable: "OPENAI_API_KEY")) {
      try endpoint.key(in: [:])
    }
    #expect(try endpoint.key(in: ["OPENAI_API_KEY": " sk-1\n"]) == "sk-1")
    let local = try HostedEndpoint(
      provider: .vllm, model: "m", baseURL: "http://10.0.0.7:8000/v1/", api: .completions)
    #expect(local.url == "http://10.0.0.7:8000/v1/completions")
    #expect(try local.key(in: [:]) == nil)
  }

  @Test(arguments: [
    ("ftp://a/v1", nil), ("nothing", nil), ("http://", nil), ("http://u:p@a/v1", nil),
    ("http://a/v1?x=1", nil),
    ("http://127.0.0.1/v1", "PATH"), ("http://127.0.0.1/v1", "secret_API_KEY"),
    // A provider's key goes to the provider only.
    ("https://example.com/v1", "OPENAI_API_KEY"),
    ("https://api.openai.com.example.com/v1", "OPENAI_API_KEY"),
    // No key travels in the open.
    ("http://example.com/v1", "MY_API_KEY"),
  ])
  func `an address or a key's name that cannot be meant is refused`(url: String, variable: String?)
  {
    #expect {
      try HostedEndpoint(
        provider: .custom, model: "m", baseURL: url, keyVariable: variable)
    } throws: { error in
      if case .badEndpoint? = error as? HostedTeacherError { true } else { false }
    }
  }

  @Test func `only the user knows where a custom server is`() {
    #expect(
      throws: HostedTeacherError.badEndpoint(
        "base_url is needed for provider \"custom\"")
    ) { try HostedEndpoint(provider: .custom, model: "m") }
  }

  @Test(arguments: [HostedProvider.API.chat, .completions])
  func `a prompt is asked as it is, whatever it holds`(api: HostedProvider.API) throws {
    let endpoint = try HostedEndpoint(
      provider: .custom, model: "m\"pp", baseURL: "http://127.0.0.1/v1", api: api)
    var question = HostedQuestion()
    question.system = "Say \"p\".\n"
    let form = try HostedRequestForm(question, of: endpoint, key: nil)
    let all = String(String.UnicodeScalarView((0..<0x250).compactMap { Unicode.Scalar($0) }))
    for prompt in ["", "p", "\"", "a\\\u{1}\n/é🎉", all, String(repeating: "p", count: 500)] {
      let body = try #require(form.request(prompt, idempotencyKey: "k").body)
      let read = try JSONDecoder().decode(Body.self, from: Data(body))
      #expect(read.model == "m\"pp")
      #expect((read.prompt ?? read.messages?.last?.content) == prompt)
      if api == .chat { #expect(read.messages?.first?.content == "Say \"p\".\n") }
    }
  }

  private struct Body: Decodable {
    struct Message: Decodable { let content: String }
    let model: String
    let messages: [Message]?
    let prompt: String?
  }
}
