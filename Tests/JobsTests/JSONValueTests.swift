import Jobs
import Testing

struct JSONValueTests {
  @Test func `writes what it reads`() throws {
    let text = #"{"a":[1,-2,3.5,1e-07,true,false,null],"b":{"c":"x\"y\\z\né😀"},"d":[],"e":{}}"#
    #expect(try JSONValue(parsing: text).text == text)
  }

  @Test func `keeps all 64 bits of an integer`() throws {
    #expect(try JSONValue(parsing: "-9223372036854775808") == .int(.min))
    #expect(try JSONValue(parsing: "9223372036854775807") == .int(.max))
  }

  @Test func `reads every escape`() throws {
    #expect(
      try JSONValue(parsing: #""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000""#)
        == .string("\"\\/\u{8}\u{C}\n\r\té😀\0"))
  }

  @Test(arguments: [
    ("", 0, JSONError.Reason.unexpectedEnd), ("{", 1, .unexpectedEnd), ("[1,]", 3, .unexpectedByte),
    ("01", 0, .invalidNumber), ("-", 0, .invalidNumber), ("1.", 2, .invalidNumber),
    ("1e", 2, .invalidNumber), ("NaN", 0, .unexpectedByte), ("nul", 3, .unexpectedEnd),
    ("1e999", 0, .numberOutOfRange), ("9223372036854775808", 0, .numberOutOfRange),
    (#"{"a":1,"a":2}"#, 7, .duplicateKey), (#""\x""#, 1, .invalidEscape),
    (#""\ud800x""#, 1, .invalidEscape), (#""\udc00""#, 1, .invalidEscape),
    ("\"a\nb\"", 2, .controlCharacter), ("1 2", 2, .trailingText),
    ("{\"a\" 1}", 5, .unexpectedByte),
    ("[[[[[]]]]]", 4, .tooDeep), (#"{1:2}"#, 1, .unexpectedByte), ("\"abc", 4, .unexpectedEnd),
  ])
  func `names the place of a fault`(text: String, byteOffset: Int, reason: JSONError.Reason) {
    #expect(throws: JSONError(byteOffset: byteOffset, reason: reason)) {
      try JSONValue(parsing: Array(text.utf8), depthMax: 4)
    }
  }

  @Test func `finds a key that stands twice in a large object`() {
    let members = (0..<200).map { "\"k\($0)\":0" } + ["\"k57\":1"]
    #expect(throws: JSONError.self) {
      try JSONValue(parsing: "{" + members.joined(separator: ",") + "}")
    }
  }

  @Test func `refuses bytes that are not UTF-8`() {
    #expect(throws: JSONError(byteOffset: 1, reason: .invalidUTF8)) {
      try JSONValue(parsing: [0x22, 0xC0, 0x80, 0x22])
    }
  }

  @Test func `survives every mutation of a document`() {
    var random = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: .min ... .max, using: &random)
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let document = Array(#"{"a":[1,-2.5e3,"x\u00e9\n",{"b":null}],"c":true}"#.utf8)
    for _ in 0..<2000 {
      var bytes = document
      for _ in 0...next(3) { bytes[next(bytes.count)] = UInt8(next(256)) }
      guard let value = try? JSONValue(parsing: bytes) else { continue }
      #expect((try? JSONValue(parsing: value.bytes)) == value, "seed \(seed)")
    }
  }

  @Test func `objects are equal in any order`() {
    let left: JSONValue = ["a": 1, "b": [2.5, nil]]
    let right: JSONValue = ["b": [2.5, nil], "a": 1]
    #expect(left == right)
    #expect(left.hashValue == right.hashValue)
  }

  @Test func `numbers that are not finite become null`() throws {
    struct Report: Codable { var lossMean = Double.nan, stepCount = 3 }
    let json = try JSONValue(encoding: Report(), keys: .snakeCase)
    #expect(json == ["loss_mean": nil, "step_count": 3])
    #expect(JSONValue.double(.infinity).text == "null")
  }

  @Test func `a codable value comes back`() throws {
    struct Shape: Codable, Equatable { var hiddenSize = 256, names = ["a"], ratio = 0.5 }
    let json = try JSONValue(encoding: Shape(), keys: .snakeCase)
    #expect(try json.decoded(as: Shape.self, keys: .snakeCase) == Shape())
  }
}
