extension ToolCallGenerator {
  /// The JSON Schema (draft 2020-12) that every call of the corpus matches.
  package static var jsonSchema: String {
    let tools = toolNames.compactMap { name in
      arguments[name].map { schema in
        #"{"properties":{"tool":{"const":"\#(name)"},"arguments":\#(schema)}}"#
      }
    }
    return """
      {"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",\
      "required":["tool","arguments"],"additionalProperties":false,\
      "properties":{"tool":{"type":"string"},"arguments":{"type":"object"}},\
      "oneOf":[\(tools.joined(separator: ","))]}
      """
  }

  private static let text = #"{"type":"string","minLength":1}"#
  private static let date = #"{"type":"string","pattern":"^(0[1-9]|1[0-2])-([0-2][0-9]|3[01])$"}"#
  private static let time = #"{"type":"string","pattern":"^([01][0-9]|2[0-3]):[0-5][0-9]$"}"#
  private static let percent = #"{"type":"integer","minimum":0,"maximum":100}"#
  private static let minutes = #"{"type":"integer","minimum":1,"maximum":1440}"#

  private static func list(of item: String) -> String {
    #"{"type":"array","minItems":1,"items":\#(item)}"#
  }

  private static func choice(_ values: [String]) -> String {
    #"{"enum":["# + values.map { "\"\($0)\"" }.joined(separator: ",") + "]}"
  }

  private static func object(
    _ members: KeyValuePairs<String, String>, optional: Set<String> = []
  ) -> String {
    let required = members.map(\.key).filter { !optional.contains($0) }
    let properties = members.map { #""\#($0.key)":\#($0.value)"# }
    return #"{"type":"object","additionalProperties":false,"required":["#
      + required.map { "\"\($0)\"" }.joined(separator: ",") + #"],"properties":{"#
      + properties.joined(separator: ",") + "}}"
  }

  /// What each tool takes.
  private static let arguments: [String: String] = [
    "create_event": object(
      [
        "title": text, "when": object(["date": date, "time": time]), "minutes": minutes,
        "guests": list(of: text),
      ], optional: ["guests"]),
    "set_reminder": object(["text": text, "when": object(["date": date, "time": time])]),
    "send_message": object([
      "to": list(of: text), "via": choice(["sms", "email", "chat"]), "text": text, "at": time,
    ]),
    "book_trip": object([
      "from": text, "to": text, "date": date, "by": choice(["plane", "train", "bus"]),
      "passengers": object([
        "adults": #"{"type":"integer","minimum":1}"#,
        "children": #"{"type":"integer","minimum":0}"#,
      ]),
    ]),
    "order_items": object([
      "items": list(of: object(["name": text, "quantity": #"{"type":"integer","minimum":1}"#])),
      "date": date,
    ]),
    "set_light": object([
      "room": text,
      "light": object(["color": choice(ToolCallWords.colors), "brightness": percent]),
      "at": time,
    ]),
    "play_music": object(["genre": text, "room": text, "volume": percent, "minutes": minutes]),
    "transfer_money": object([
      "to": text,
      "amount": object([
        "value": #"{"type":"integer","minimum":1}"#,
        "currency": choice(ToolCallWords.currencies.map(\.code)),
      ]), "note": text,
    ]),
    "get_weather": object([
      "city": text, "date": date, "unit": choice(["celsius", "fahrenheit"]),
    ]),
  ]
}
