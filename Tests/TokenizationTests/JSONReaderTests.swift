import TestSupport
import Testing
import Tokenization

struct JSONReaderTests {
  private func skip(_ text: String) throws(JSONSyntaxError) {
    var reader = JSONReader(Array(text.utf8))
    try reader.skipValue()
    try reader.end()
  }

  @Test(arguments: [
    "null", " true ", "-0", "0.5e-10", "1E+2", #""""#, #"{"a":[1,{"b":null}],"c":"\u00e9\n"}"#,
    "[]", "{}", "[[[]]]", #""\ud83d\ude00""#,
  ])
  func `valid texts are read`(text: String) throws {
    try skip(text)
  }

  @Test(arguments: [
    "", " ", "nul", "tru", "01", "1.", ".5", "+1", "-", "1e", "NaN", "Infinity", "[1,]", "[1 2]",
    #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}", "'a'", #""a"#, "\"\n\"", #""\x""#, #""\u12""#,
    #""\ud83d""#, #""\ude00""#, #""\ud83dA""#, "[", "{", "[1]]", "1 2", "//", "\u{FEFF}1",
  ])
  func `invalid texts are refused`(text: String) {
    #expect(throws: JSONSyntaxError.self) { try skip(text) }
  }

  @Test func `the place of an error is its byte`() {
    #expect {
      try skip("[\"é\",]")
    } throws: {
      ($0 as? JSONSyntaxError)?.byte == 6
    }
  }

  @Test func `deep nesting is refused before the stack ends`() {
    let depth = JSONReader.depthLimit
    #expect(throws: Never.self) {
      try skip(String(repeating: "[", count: depth) + String(repeating: "]", count: depth))
    }
    #expect(throws: JSONSyntaxError.self) { try skip(String(repeating: "[", count: 1_000_000)) }
  }

  @Test func `bytes that are not UTF-8 are refused`() {
    var reader = JSONReader([0x22, 0xC3, 0x28, 0x22])
    #expect {
      try reader.string()
    } throws: {
      ($0 as? JSONSyntaxError)?.expected == "UTF-8"
    }
  }

  @Test func `written texts read back`() throws {
    for seed in UInt64(1)...40 {
      var random = SplitMix64(seed: seed)
      let text = SampleText.random(length: 60, using: &random)
      var reader = JSONReader(Array(JSONText.quoted(text).utf8))
      #expect(Array(try reader.string().utf8) == Array(text.utf8), "seed \(seed)")
    }
  }
}
