extension TokenizerFile {
  /// One object with a `type`: a pre-tokenizer, a normalizer or a decoder, as it stands in the file.
  struct Component {
    private(set) var type = ""
    /// A regular expression; a literal pattern is one with every sign escaped.
    private(set) var expression: String?
    private(set) var behavior = ""
    private(set) var flags: [String: Bool] = [:]
    /// The members of a `Sequence`.
    private(set) var steps: [Component] = []

    /// Reads one component; nil when `null` stands there.
    init?(_ reader: inout JSONReader, field: String) throws {
      if try reader.null() { return nil }
      try reader.beginObject()
      while let key = try reader.nextKey() {
        switch (key, try reader.peek()) {
        case ("type", .string): type = try reader.string()
        case ("behavior", .string): behavior = try reader.string()
        case ("pattern", .object): try readPattern(&reader)
        case ("pretokenizers", .array):
          try reader.beginArray()
          while try reader.nextElement() {
            guard let step = try Component(&reader, field: field) else {
              throw TokenizerError.malformed(field: field, expected: "no null in a Sequence")
            }
            steps.append(step)
          }
        case (_, .bool): flags[key] = try reader.bool()
        default: try reader.skipValue()
        }
      }
      guard !type.isEmpty else {
        throw TokenizerError.malformed(field: field, expected: "a type")
      }
    }

    private mutating func readPattern(_ reader: inout JSONReader) throws {
      try reader.beginObject()
      while let key = try reader.nextKey() {
        switch key {
        case "Regex": expression = try reader.string()
        case "String":
          expression = try reader.string().unicodeScalars.reduce(into: "") { result, scalar in
            let isSign =
              scalar.isASCII && !scalar.properties.isAlphabetic
              && !("0"..."9").contains(scalar)
            result += isSign ? "\\\(scalar)" : "\(scalar)"
          }
        default: try reader.skipValue()
        }
      }
    }
  }
}
