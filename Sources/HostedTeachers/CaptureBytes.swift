internal import Traces

/// A capture as bytes, for the journal: numbers in little endian, each array after its count.
enum CaptureBytes {
  static func encode(_ capture: Capture) -> [UInt8] {
    var bytes: [UInt8] = []
    let tokens = capture.tokens
    bytes.reserveCapacity(
      256 + capture.prompt.utf8.count + 2 * capture.text.utf8.count + 16 * tokens.ends.count
        + 12 * tokens.candidateIDs.count + tokens.candidateBytes.count)
    append([capture.id], to: &bytes)
    for text in [
      capture.prompt, capture.text, capture.finishReason, capture.model, capture.fingerprint,
    ] {
      append(Array(text.utf8), to: &bytes)
    }
    append(
      [Int64(capture.promptTokens ?? -1), Int64(capture.completionTokens ?? -1)], to: &bytes)
    append([capture.latencySeconds], to: &bytes)
    append([Int64(tokens.promptCount)], to: &bytes)
    append(tokens.bytes, to: &bytes)
    append(tokens.ends, to: &bytes)
    append(tokens.ids, to: &bytes)
    append(tokens.logprobs, to: &bytes)
    append(tokens.candidateEnds, to: &bytes)
    append(tokens.candidateBytes, to: &bytes)
    append(tokens.candidateByteEnds, to: &bytes)
    append(tokens.candidateIDs, to: &bytes)
    append(tokens.candidateLogprobs, to: &bytes)
    return bytes
  }

  /// Nil when the bytes are not those of a capture.
  static func decode(_ bytes: UnsafeRawBufferPointer) -> Capture? {
    var reader = Reader(bytes: bytes)
    guard let id = reader.array(Int64.self)?.first else { return nil }
    var texts: [String] = []
    for _ in 0..<5 {
      guard let text = reader.array(UInt8.self) else { return nil }
      texts.append(String(decoding: text, as: UTF8.self))
    }
    guard let billed = reader.array(Int64.self), billed.count == 2,
      let latency = reader.array(Double.self)?.first,
      let promptCount = reader.array(Int64.self)?.first, let tokens = tokens(&reader),
      promptCount >= 0, promptCount <= tokens.count, reader.isAtEnd
    else { return nil }
    var capture = Capture(
      id: id, prompt: texts[0], text: texts[1], tokens: tokens, finishReason: texts[2],
      model: texts[3], fingerprint: texts[4], promptTokens: billed[0] < 0 ? nil : Int(billed[0]),
      completionTokens: billed[1] < 0 ? nil : Int(billed[1]), latencySeconds: latency)
    capture.tokens.promptCount = Int(promptCount)
    return capture
  }

  private static func tokens(_ reader: inout Reader) -> CapturedTokens? {
    guard let bytes = reader.array(UInt8.self), let ends = reader.array(Int32.self),
      let ids = reader.array(Int32.self), let logprobs = reader.array(Float.self),
      let candidateEnds = reader.array(Int32.self),
      let candidateBytes = reader.array(UInt8.self),
      let candidateByteEnds = reader.array(Int32.self),
      let candidateIDs = reader.array(Int32.self), let candidateLogprobs = reader.array(Float.self)
    else { return nil }
    return CapturedTokens(
      bytes: bytes, ends: ends, ids: ids, logprobs: logprobs, candidateEnds: candidateEnds,
      candidateBytes: candidateBytes, candidateByteEnds: candidateByteEnds,
      candidateIDs: candidateIDs, candidateLogprobs: candidateLogprobs)
  }

  private static func append<Element: BitwiseCopyable>(
    _ values: [Element], to bytes: inout [UInt8]
  ) {
    withUnsafeBytes(of: UInt64(values.count).littleEndian) { bytes.append(contentsOf: $0) }
    values.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    var isAtEnd: Bool { position == bytes.count }

    mutating func array<Element: BitwiseCopyable>(_ type: Element.Type) -> [Element]? {
      guard bytes.count - position >= 8 else { return nil }
      let count = UInt64(
        littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      position += 8
      let stride = MemoryLayout<Element>.stride
      guard count <= UInt64((bytes.count - position) / stride) else { return nil }
      let start = position
      position += Int(count) * stride
      let source = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
      return Array(unsafeUninitializedCapacity: Int(count)) { buffer, initialized in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
        initialized = Int(count)
      }
    }
  }
}
