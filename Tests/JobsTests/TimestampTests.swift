import Jobs
import Testing

struct TimestampTests {
  @Test(
    arguments: [
      ("1970-01-01T00:00:00.000Z", 0), ("2000-02-29T23:59:59.999Z", 951_868_799_999),
      ("2026-01-31T12:00:00.123Z", 1_769_860_800_123), ("1969-12-31T23:59:59.999Z", -1),
    ] as [(String, Int64)])
  func `reads and writes RFC 3339`(text: String, milliseconds: Int64) {
    #expect(Timestamp(milliseconds: milliseconds).rfc3339 == text)
    #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
  }

  @Test(arguments: [
    "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
    "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00", "",
    "2026-01-01T00:00:00.1Z",
  ])
  func `anything else is no moment`(text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }
}
