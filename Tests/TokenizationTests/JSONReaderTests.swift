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

  @Test func `numbers are the nearest doubles, however they are written`() throws {
    let texts = [
      "0", "-0", "1", "-0.25", "123456789012345", "0.1", "1234567.89012345", "-9999.0", "5e-324",
      "1.7976931348623157e308", "0.1234567890123456789", "1234567890123456789", "0.000123", "1e3",
      "-12E-2", "9007199254740993", "9007199254740993.0", "0.9007199254740993",
      "9999999999999999999",
      "-0.0013456787448376417", "0.000000000000000000000000001", "0.0000000000000000000000000001",
      "4503599627370496.5", "4503599627370497.5", "1152921504606846976.5", "0.30000000000000004",
    ]
    for text in texts {
      var reader = JSONReader(Array(text.utf8))
      #expect(try reader.double() == Double(text), "\(text)")
      try reader.end()
    }
    for seed in UInt64(1)...2000 {
      var random = SplitMix64(seed: seed)
      let value = Double.random(in: -20...20, using: &random)
      let shortened = (value * 1e6).rounded() / 1e6
      let digits = UInt64.random(in: 0..<1_000_000_000_000_000_000, using: &random)
      for text in ["\(value)", "\(shortened)", "\(Float(value))", "-0.0\(digits)", "12.\(digits)"] {
        var reader = JSONReader(Array(text.utf8))
        #expect(try reader.double() == Double(text), "\(text)")
      }
    }
    for text in ["", "-", ".5", "1.", "01", "--1", "1e999", "+1", "x", "1e"] {
      #expect(throws: JSONSyntaxError.self, "\(text)") {
        var reader = JSONReader(Array(text.utf8))
        _ = try reader.double()
        try reader.end()
      }
    }
  }

  @Test func `keys and texts are read without making strings`() throws {
    let names = JSONKeys(["token", "id", "é"])
    var reader = JSONReader(
      Array(
        (#"{"id": 1, "token": "a\u00e9\n", "other": 2, "é": 3, "i\u0064": 4, "tokens": 5, "#
          + #""id\"": 6, "longer than sixteen bytes": 7, "id": 8}"#).utf8)
    )
    try reader.beginObject()
    var keys: [Int] = []
    var text = Array("x".utf8)
    while let key = try reader.nextKey(among: names) {
      keys.append(key)
      if key == 0 { try reader.string(appendingTo: &text) } else { try reader.skipValue() }
    }
    try reader.end()
    #expect(keys == [1, 0, -1, 2, 1, -1, -1, -1, 1])
    #expect(text == Array("xaé\n".utf8))
    for bad in [#"{"id" 1}"#, #"{"id"#, #"{"id": "a"#, "{\"id\": \"\n\"}", #"{id: 1}"#] {
      #expect(throws: JSONSyntaxError.self, "\(bad)") {
        var reader = JSONReader(Array(bad.utf8))
        var text: [UInt8] = []
        try reader.beginObject()
        while try reader.nextKey(among: names) != nil { try reader.string(appendingTo: &text) }
        try reader.end()
      }
    }
  }

  @Test func `lists of bytes are read, and anything else is left where it is`() throws {
    for (text, expected) in [
      ("[]", []), (" [0]", [0]), ("[1,20,255]", [1, 20, 255]), ("[7, 8]", [7, 8]),
      ("[1,2,3,4,5,6,7,8]", [1, 2, 3, 4, 5, 6, 7, 8]),
      ("[1,2,3,4,5,6,7,8,9]", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ] as [(String, [UInt8])] {
      var reader = JSONReader(Array(text.utf8))
      var list: [UInt8] = [9]
      let isRead = reader.bytes(appendingTo: &list)
      #expect(isRead, "\(text)")
      try reader.end()
      #expect(list == [9] + expected, "\(text)")
    }
    for text in [
      "null", "[256]", "[1,2,3,4,5,6,7,8,9,256]", "[1.5]",
      "[1,]", "[-1]", "[01]", "[1", "[", "[1,null]", "[1 ,2]", "3",
    ] {
      var reader = JSONReader(Array(text.utf8))
      var list: [UInt8] = [9]
      let isRead = reader.bytes(appendingTo: &list)
      #expect(!isRead, "\(text)")
      #expect(list == [9] && reader.position == 0, "\(text)")
    }
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
