import Corpora
import Evaluation
import Testing
import Tokenization

struct JSONSchemaTests {
  private func matches(_ schema: String, _ value: String) throws -> Bool {
    try JSONSchema(schema).matches(JSONTree(value))
  }

  @Test(arguments: [
    (#"{"type":"object"}"#, "{}", "[]"), (#"{"type":["string","null"]}"#, "null", "1"),
    (#"{"type":"integer"}"#, "2.0", "2.5"), (#"{"type":"number"}"#, "2.5", "true"),
    (#"{"type":"boolean"}"#, "false", "0"), (#"{"enum":["a",1]}"#, "1.0", #""b""#),
    (#"{"const":{"a":[1]}}"#, #"{"a":[1]}"#, #"{"a":[2]}"#),
    (#"{"required":["a"]}"#, #"{"a":null}"#, #"{"b":1}"#),
    (#"{"properties":{"a":{"type":"string"}}}"#, #"{"a":"","b":1}"#, #"{"a":1}"#),
    (#"{"properties":{"a":true},"additionalProperties":false}"#, #"{"a":1}"#, #"{"b":1}"#),
    (#"{"items":{"type":"number"}}"#, "[1,2]", #"[1,"2"]"#),
    (#"{"minItems":1,"maxItems":2}"#, "[1]", "[]"), (#"{"maxItems":2}"#, "[]", "[1,2,3]"),
    (#"{"minLength":2}"#, #""éa""#, #""é""#), (#"{"maximum":5,"minimum":-1}"#, "-1", "5.1"),
    (#"{"pattern":"^a+$"}"#, #""aaa""#, #""ab""#), (#"{"pattern":"b"}"#, #""abc""#, #""ac""#),
    (#"{"oneOf":[{"type":"number"},{"minimum":3}]}"#, "2", "4"),
    (#"{"anyOf":[{"type":"null"},{"minimum":3}]}"#, "4", "2"),
    (#"{"allOf":[{"type":"number"},{"minimum":3}]}"#, "4", "2"),
  ])
  func `each keyword accepts what it describes and nothing else`(
    schema: String, good: String, bad: String
  ) throws {
    #expect(try matches(schema, good))
    #expect(try !matches(schema, bad))
  }

  @Test func `keywords say nothing about other types`() throws {
    let schema = #"{"minLength":3,"minimum":3,"minItems":3,"required":["a"],"pattern":"x"}"#
    for value in ["null", "true"] { #expect(try matches(schema, value)) }
    #expect(try matches("true", "1"))
    #expect(try !matches("false", "1"))
  }

  @Test func `a schema that promises more than is checked is refused by name`() {
    #expect(
      throws: EvaluationError.schema(
        pointer: "/properties/a/format",
        expected: "a keyword that is supported, with a value of its kind")
    ) {
      try JSONSchema(#"{"properties":{"a":{"format":"date"}}}"#)
    }
    for schema in [
      "1", "{", #"{"type":1}"#, #"{"pattern":"("}"#, #"{"minItems":-1}"#,
      #"{"minimum":2,"maximum":1}"#, #"{"oneOf":{}}"#, #"{"required":[1]}"#,
    ] {
      #expect(throws: EvaluationError.self, "\(schema)") { try JSONSchema(schema) }
    }
  }

  @Test func `every call of the demo matches its schema, and damaged ones do not`() throws {
    let schema = try JSONSchema(ToolCallGenerator.jsonSchema)
    for example in ToolCallGenerator(seed: 3).corpus(count: 600).train {
      #expect(schema.matches(try JSONTree(example.completion)), "\(example.completion)")
      let renamed = example.completion.replacing(#""tool":""#, with: #""tool":"x"#)
      #expect(!schema.matches(try JSONTree(renamed)))
      let extended = example.completion.replacing(#""arguments":{"#, with: #""arguments":{"x":1,"#)
      #expect(!schema.matches(try JSONTree(extended)))
    }
  }
}

struct JSONTreeTests {
  @Test func `values are read`() throws {
    #expect(
      try JSONTree(#" {"a":[1,-2.5e1,"x\n",true,null],"b":{}} "#)
        == .object([
          "a": .list([.number(1), .number(-25), .text("x\n"), .bool(true), .null]),
          "b": .object([:]),
        ]))
  }

  @Test(arguments: ["", "{", "{} {}", #"{"a":1,"a":2}"#, "1e999", "{'a':1}", "[1,]"])
  func `what is not strict JSON is refused`(text: String) {
    #expect(throws: JSONSyntaxError.self) { try JSONTree(text) }
  }
}
