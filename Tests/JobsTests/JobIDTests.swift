import Jobs
import Testing

struct JobIDTests {
  @Test
  func `identifiers order by time, also within one millisecond and when the clock steps back`() {
    let now = Timestamp.now()
    let identifiers =
      (0..<100).map { _ in JobID.make(at: now) } + [JobID.make(at: now.adding(seconds: -5))]
    #expect(identifiers.map(\.text) == identifiers.map(\.text).sorted())
    #expect(identifiers == identifiers.sorted())
    #expect(Set(identifiers).count == identifiers.count)
  }

  @Test func `the text reads back`() throws {
    let identifier = JobID.make(at: .now())
    #expect(identifier.text.count == 30)
    #expect(JobID(identifier.text) == identifier)
    #expect(ModelID(identifier.text) == nil)
  }

  @Test(arguments: [
    "", "job_", "job_01ARZ3NDEKTSV4RRFFQ69G5FAV", "job_8zzzzzzzzzzzzzzzzzzzzzzzzz",
    "job_01arz3ndektsv4rrffq69g5fa", "job_01arz3ndektsv4rrffq69g5fau",
    "job_01arz3ndektsv4rrffq69g5fav0", "mdl_01arz3ndektsv4rrffq69g5fav",
  ])
  func `anything else is no identifier`(text: String) {
    #expect(JobID(text) == nil)
  }
}
