// Replies of OpenAI's two routes, whole or in pieces, as different servers write them:
//
//   chat         choices[0].message.content, choices[0].logprobs.content[{token, logprob, bytes,
//                top_logprobs[{token, logprob, bytes}]}]; llama.cpp adds `id`, on both routes
//   completions  choices[0].text, choices[0].logprobs.{tokens, token_logprobs, top_logprobs[{token:
//                logprob}], text_offset}
//   streamed     the same with `delta` for `message`, a chunk an event, `[DONE]` at the end
//
// A token that a server writes as `token_id:123` is that id (vLLM with return_tokens_as_token_ids).

internal import HTTPClient
package import Tokenization
internal import Traces

extension HostedReply {
  /// Reads one whole reply.
  ///
  /// - Throws: where it is not JSON, or not of this shape.
  package init(reading body: [UInt8]) throws(JSONSyntaxError) {
    self.init()
    var reader = JSONReader(body)
    try read(&reader)
    try reader.end()
  }

  /// Reads the events of a streamed reply.
  ///
  /// - Returns: whether the stream came to its end.
  /// - Throws: where an event is not JSON, or not of this shape.
  package init(readingEvents body: [UInt8]) throws(JSONSyntaxError) {
    self.init()
    var parser = EventStreamParser()
    var isDone = false
    for event in parser.feed(body) {
      if event.data == "[DONE]" {
        isDone = true
        break
      }
      var reader = JSONReader(Array(event.data.utf8))
      try read(&reader)
      try reader.end()
    }
    guard isDone || fault != nil else {
      throw JSONSyntaxError(byte: body.count, expected: "the stream's end, data: [DONE]")
    }
  }

  private mutating func read(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "choices": try readChoices(&reader)
      case "usage": try readUsage(&reader)
      case "model": model = try reader.optionalString() ?? model
      case "system_fingerprint": fingerprint = try reader.optionalString() ?? fingerprint
      case "error": try readFault(&reader)
      case "message" where try reader.peek() == .string:
        // vLLM's and others' errors without a wrapper.
        var fault = fault ?? Fault()
        fault.message = try reader.string()
        self.fault = fault
      default: try reader.skipValue()
      }
    }
  }

  private mutating func readChoices(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    if try reader.null() { return }
    try reader.beginArray()
    var isFirst = true
    while try reader.nextElement() {
      if isFirst { try readChoice(&reader) } else { try reader.skipValue() }
      isFirst = false
    }
  }

  private mutating func readChoice(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    hasChoice = true
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "text": text += try reader.optionalString() ?? ""
      case "message", "delta": try readMessage(&reader)
      case "finish_reason": finishReason = try reader.optionalString() ?? finishReason
      case "logprobs": try readLogprobs(&reader)
      case "error": try readFault(&reader)
      default: try reader.skipValue()
      }
    }
  }

  private mutating func readMessage(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    if try reader.null() { return }
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "content": text += try reader.optionalString() ?? ""
      case "reasoning_content", "reasoning":
        if let thought = try reader.optionalString(), !thought.isEmpty { hasReasoning = true }
      default: try reader.skipValue()
      }
    }
  }

  private mutating func readUsage(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    if try reader.null() { return }
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "prompt_tokens": promptTokens = try reader.optionalCount() ?? promptTokens
      case "completion_tokens": completionTokens = try reader.optionalCount() ?? completionTokens
      default: try reader.skipValue()
      }
    }
  }

  private mutating func readFault(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    var fault = Fault()
    switch try reader.peek() {
    case .null: return try reader.skipValue()
    case .string: fault.message = try reader.string()
    case .object:
      try reader.beginObject()
      while let key = try reader.nextKey() {
        switch (key, try reader.peek()) {
        case ("message", .string): fault.message = try reader.string()
        case ("type", .string) where fault.kind.isEmpty: fault.kind = try reader.string()
        case ("code", .string): fault.kind = try reader.string()
        case ("code", .number): fault.status = try reader.optionalCount()
        default: try reader.skipValue()
        }
      }
    case .array, .number, .bool: try reader.skipValue()
    }
    self.fault = fault
  }

  // MARK: - Log-probabilities

  private mutating func readLogprobs(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    guard try reader.peek() == .object else { return try reader.skipValue() }
    let first = tokens.count
    try reader.beginObject()
    while let key = try reader.nextKey() {
      if try reader.null() { continue }
      var index = first
      switch key {
      case "content":
        try reader.beginArray()
        while try reader.nextElement() { tokens.append(try readToken(&reader)) }
      case "tokens":
        try reader.beginArray()
        while try reader.nextElement() {
          grow(to: index)
          let (text, id) = try readText(&reader)
          tokens[index].text = text
          if let id { note(id, at: index) }
          index += 1
        }
      case "token_logprobs":
        try reader.beginArray()
        while try reader.nextElement() {
          grow(to: index)
          tokens[index].logprob = try reader.optionalDouble()
          index += 1
        }
      case "token_ids":
        try reader.beginArray()
        while try reader.nextElement() {
          grow(to: index)
          if let id = try reader.optionalCount() { note(Int32(clamping: id), at: index) }
          index += 1
        }
      case "top_logprobs":
        try reader.beginArray()
        while try reader.nextElement() {
          grow(to: index)
          tokens[index].candidates = try readCandidates(&reader)
          index += 1
        }
      default: try reader.skipValue()
      }
    }
  }

  private mutating func grow(to index: Int) {
    while tokens.count <= index { tokens.append(Token()) }
  }

  private mutating func note(_ id: Int32, at index: Int) {
    tokens[index].id = id
    givesIDs = true
  }

  private static let tokenKeys = JSONKeys(["token", "logprob", "bytes", "top_logprobs", "id"])

  private mutating func readToken(_ reader: inout JSONReader) throws(JSONSyntaxError) -> Token {
    var token = Token()
    try reader.beginObject()
    while let key = try reader.nextKey(among: Self.tokenKeys) {
      switch key {
      case 0:
        let (text, id) = try readText(&reader)
        // Bytes, where they are given, say more.
        if !token.text.isKnown { token.text = text }
        if let id { token.id = id }
      case 1: token.logprob = try reader.optionalDouble()
      case 2:
        if let text = try readBytes(&reader) {
          token.text = text
          givesBytes = true
        }
      case 3: token.candidates = try readCandidates(&reader)
      case 4: token.id = Int32(clamping: try reader.optionalCount() ?? -1)
      default: try reader.skipValue()
      }
    }
    if token.id != CapturedTokens.unknownID { givesIDs = true }
    return token
  }

  /// A list of candidates, or a dictionary from their texts to their log-probabilities.
  private mutating func readCandidates(
    _ reader: inout JSONReader
  ) throws(JSONSyntaxError) -> Range<Int> {
    let first = candidates.count
    switch try reader.peek() {
    case .array:
      try reader.beginArray()
      while try reader.nextElement() {
        let token = try readToken(&reader)
        guard let logprob = token.logprob else { continue }
        candidates.append(Candidate(text: token.text, id: token.id, logprob: logprob))
      }
    case .object:
      try reader.beginObject()
      while let key = try reader.nextKey() {
        let start = bytes.count
        bytes.append(contentsOf: key.utf8)
        let (text, id) = text(from: start)
        guard let logprob = try reader.optionalDouble() else { continue }
        candidates.append(
          Candidate(text: text, id: id ?? CapturedTokens.unknownID, logprob: logprob))
      }
      // A dictionary has no order of its own; the list form is sorted by its server.
      candidates[first...].sort { $0.logprob > $1.logprob }
    case .null, .string, .number, .bool: try reader.skipValue()
    }
    return first..<candidates.count
  }

  private mutating func readBytes(_ reader: inout JSONReader) throws(JSONSyntaxError) -> Text? {
    if try reader.null() { return nil }
    let start = bytes.count
    if !reader.bytes(appendingTo: &bytes) {
      try reader.beginArray()
      while try reader.nextElement() {
        bytes.append(UInt8(truncatingIfNeeded: try reader.optionalCount() ?? 0))
      }
    }
    return certain(from: start)
  }

  private mutating func readText(
    _ reader: inout JSONReader
  ) throws(JSONSyntaxError) -> (text: Text, id: Int32?) {
    if try reader.null() { return (.unknown, nil) }
    let start = bytes.count
    try reader.string(appendingTo: &bytes)
    return text(from: start)
  }

  private static let idMark = Array("token_id:".utf8)
  private static let bytesMark = Array("bytes:".utf8)

  /// The bytes that `bytes:\xe2\x80` names, as the completions route writes parts of characters;
  /// nil for any other text.
  private static func namedBytes(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    guard text.starts(with: bytesMark) else { return nil }
    var rest = text.dropFirst(bytesMark.count)
    guard !rest.isEmpty, rest.count % 4 == 0 else { return nil }
    var named: [UInt8] = []
    while !rest.isEmpty {
      let digits = String(decoding: rest.dropFirst(2).prefix(2), as: UTF8.self)
      guard rest.starts(with: [0x5C, 0x78]), let byte = UInt8(digits, radix: 16) else {
        return nil
      }
      named.append(byte)
      rest = rest.dropFirst(4)
    }
    return named
  }

  /// The text that the last bytes are, or the id that is written there instead.
  private mutating func text(from start: Int) -> (text: Text, id: Int32?) {
    // Few texts begin like a mark, and there are thousands.
    guard start < bytes.count,
      bytes[start] == UInt8(ascii: "t") || bytes[start] == UInt8(ascii: "b")
    else { return (certain(from: start), nil) }
    if bytes.count - start > Self.idMark.count, bytes[start...].starts(with: Self.idMark),
      let id = Int32(String(decoding: bytes[(start + Self.idMark.count)...], as: UTF8.self))
    {
      bytes.removeSubrange(start...)
      return (.unknown, id)
    }
    if let named = Self.namedBytes(bytes[start...]) {
      bytes.replaceSubrange(start..., with: named)
    }
    return (certain(from: start), nil)
  }

  /// Unknown when a replacement character stands for bytes that are lost.
  private func certain(from start: Int) -> Text {
    let text = Text(start: Int32(start), end: Int32(bytes.count))
    return bytes.withUnsafeBufferPointer { bytes in
      var index = start
      while index + 2 < bytes.count {
        if bytes[index] == 0xEF, bytes[index + 1] == 0xBF, bytes[index + 2] == 0xBD {
          return .unknown
        }
        index += 1
      }
      return text
    }
  }
}

extension JSONReader {
  fileprivate mutating func optionalString() throws(JSONSyntaxError) -> String? {
    try null() ? nil : try string()
  }

  fileprivate mutating func optionalDouble() throws(JSONSyntaxError) -> Double? {
    try null() ? nil : try double()
  }

  /// A whole number, also when it is written as `3.0`.
  fileprivate mutating func optionalCount() throws(JSONSyntaxError) -> Int? {
    guard let value = try optionalDouble() else { return nil }
    return Int(exactly: value.rounded())
  }
}
