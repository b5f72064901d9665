import JobAPI
import Jobs
import Testing

struct TeacherSourceTests {
  private let job = "job_01h455vb4pex5vsknk084sn02q"

  private func collect(_ teacher: String) throws -> CollectSpec {
    let text = #"{"teacher": \#(teacher), "corpus": {"path": "a.jsonl"}}"#
    let spec = try JobSpec.read(kind: .collect, from: try JSONValue(parsing: text))
    guard case .collect(let spec) = spec else { throw SpecError([]) }
    return spec
  }

  private func pointers(_ teacher: String) throws -> [String] {
    do {
      _ = try collect(teacher)
      return []
    } catch let error as SpecError {
      return error.fields.map(\.pointer)
    }
  }

  @Test func `a local teacher is a model of this daemon, and written as short as it was`() throws {
    let spec = try collect(#"{"model": "\#(job)"}"#)
    #expect(spec.teacher.localModel?.text == job)
    #expect(
      JobSpec.collect(spec).json["teacher"]
        == ["provider": "local", "model": .string(job), "terms": "unknown"])
    #expect(JobSpec.collect(spec).slot == .compute)
  }

  @Test func `a hosted teacher has a provider, and reads back as the same`() throws {
    let spec = try collect(
      #"{"provider": "vllm", "model": "Qwen/Qwen3-8B", "base_url": "http://10.0.0.7:8000/v1", "stream": true, "price_per_million_completion": 0.5}"#
    )
    #expect(spec.teacher.localModel == nil)
    #expect(spec.teacher.hosted.isStreamed)
    #expect(spec.teacher.hosted.completionPrice == 0.5)
    let job = JobSpec.collect(spec)
    #expect(job.slot == .io)
    #expect(try JobSpec.read(kind: .collect, from: job.json) == job)
  }

  @Test func `what does not go together is named`() throws {
    #expect(try pointers(#"{"model": "gpt-4.1"}"#) == ["/teacher/model"])
    #expect(try pointers(#"{"model": "\#(job)", "stream": true}"#) == ["/teacher/provider"])
    #expect(try pointers(#"{"provider": "custom", "model": "m"}"#) == ["/teacher/base_url"])
    #expect(try pointers(#"{"provider": "who", "model": "m"}"#) == ["/teacher/provider"])
    #expect(
      try pointers(#"{"provider": "openai", "model": "m", "api_key": "sk"}"#) == [
        "/teacher/api_key"
      ])
  }
}
