// What libmicrohttpd 0.9.75 lets through, and this file does not.
//
// It accepts Content-Length beside Transfer-Encoding, two Content-Lengths, blanks before a colon,
// bare line feeds, folded lines (which it joins to the wrong end) and NULs (at which it cuts a
// line, or ends the head). A proxy in front of us may read any of these in another way, and
// then a part of one client's request becomes the next client's.
//
// It cuts the head in place: it overwrites the two spaces of the request line, each colon and each
// line end with NULs and hands out pointers between them. So this check walks the very bytes once,
// and whatever is not exactly
//
//     method NUL target NUL version NUL NUL (name NUL blanks value NUL NUL)* NUL NUL
//
// was something else on the wire.
//
// What it refuses itself never comes here. After a Content-Length that is no number it sends the
// head of its 400 twice, and closes.

internal import CMicrohttpd

/// The checked head of one request.
struct RequestHead {
  var method: String
  var target: RequestTarget
  var headers: HTTPHeaders
  var body: BodyFraming

  enum BodyFraming: Equatable { case none, length(Int), chunked }
}

/// Where libmicrohttpd left the head, and what it found in it.
///
/// The pointers are valid during the access handler's call that gave them.
struct RequestHeadBytes {
  var method: UnsafePointer<CChar>
  var url: UnsafePointer<CChar>
  var version: UnsafePointer<CChar>
  /// The request target as it was before libmicrohttpd cut the query off.
  var target: [UInt8]
  /// From `method` to the end of the empty line.
  var count: Int
  var fields: [Field]

  struct Field {
    var name: UnsafeBufferPointer<CChar>
    var value: UnsafeBufferPointer<CChar>
  }
}

extension RequestHead {
  init(_ bytes: RequestHeadBytes, bytesMax: Int) throws(Refusal) {
    guard bytes.count <= bytesMax else { throw .headTooLarge(limitBytes: bytesMax) }
    let methodCount = try Self.checkRequestLine(bytes)
    method = String(
      decoding: UnsafeRawBufferPointer(start: bytes.method, count: methodCount), as: UTF8.self)
    target = try RequestTarget(bytes.target)
    headers = try Self.checkedFields(bytes)
    let isVersion11 = bytes.version[7] == CChar(bitPattern: UInt8(ascii: "1"))
    try Self.checkHost(headers, required: isVersion11 ? .yes : .no)
    body = try Self.framing(headers, isVersion11: isVersion11)
  }

  /// - Returns: the method's length in bytes.
  private static func checkRequestLine(_ bytes: RequestHeadBytes) throws(Refusal) -> Int {
    let methodCount = bytes.url - bytes.method - 1
    guard methodCount > 0, (0..<methodCount).allSatisfy({ isTokenByte(bytes.method[$0]) }),
      bytes.method[methodCount] == 0
    else { throw .malformed("the method is not a token, or more than one space follows it") }
    // Shorter than the distance when a NUL or a second space stood in the target.
    guard bytes.version - bytes.url == bytes.target.count + 1 else {
      throw .malformed("the request line has more than two spaces, or a NUL")
    }
    let version = UnsafeRawBufferPointer(start: bytes.version, count: 8)
    guard version.elementsEqual("HTTP/1.1".utf8) || version.elementsEqual("HTTP/1.0".utf8) else {
      throw .versionUnknown
    }
    guard bytes.version[8] == 0, bytes.version[9] == 0 else {
      throw .malformed("the request line must end with CR LF")
    }
    return methodCount
  }

  private static func checkedFields(_ bytes: RequestHeadBytes) throws(Refusal) -> HTTPHeaders {
    var headers = HTTPHeaders()
    let end = bytes.method + bytes.count
    var position = bytes.version + 10
    for field in bytes.fields {
      guard let name = field.name.baseAddress, let value = field.value.baseAddress,
        name == position, !field.name.isEmpty, field.name.allSatisfy(isTokenByte),
        name[field.name.count] == 0, value > name + field.name.count, value < end
      else { throw .malformed("a header line must be a name, a colon at once, and a value") }
      guard field.value.allSatisfy(isFieldByte) else {
        throw .malformed("a header value holds a control character")
      }
      position = value + field.value.count
      guard position + 1 < end, position[0] == 0, position[1] == 0 else {
        throw .malformed("each header line must end with CR LF, and none may be continued")
      }
      position += 2
      headers.append(lowercased(field.name), trimmed(field.value))
    }
    guard position + 2 == end, position[0] == 0, position[1] == 0 else {
      throw .malformed("the headers hold a NUL, or an empty line without CR")
    }
    return headers
  }

  private enum HostRequired { case yes, no }

  private static func checkHost(
    _ headers: HTTPHeaders, required: HostRequired
  ) throws(Refusal) {
    let hosts = headers.fields.count { $0.name == "host" }
    guard hosts == 1 || (hosts == 0 && required == .no) else {
      throw .malformed("HTTP/1.1 asks for exactly one Host")
    }
  }

  private static func framing(
    _ headers: HTTPHeaders, isVersion11: Bool
  ) throws(Refusal) -> BodyFraming {
    let lengths = headers.values(of: "content-length")
    let codings = headers.values(of: "transfer-encoding")
    if let coding = codings.first {
      guard lengths.isEmpty else {
        throw .malformed("Content-Length and Transfer-Encoding exclude each other")
      }
      guard codings.count == 1, coding.lowercased() == "chunked" else {
        throw .transferCodingUnknown
      }
      guard isVersion11 else { throw .malformed("HTTP/1.0 has no Transfer-Encoding") }
      return .chunked
    }
    guard let length = lengths.first else { return .none }
    guard lengths.count == 1 else { throw .malformed("Content-Length is there twice") }
    guard !length.isEmpty, length.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
      throw .malformed("Content-Length is not a number")
    }
    let count = Int(length) ?? .max
    return count == 0 ? .none : .length(count)
  }

  /// RFC 9110 section 5.6.2.
  private static func isTokenByte(_ byte: CChar) -> Bool {
    switch UInt8(bitPattern: byte) {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
      UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"),
      UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
      UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"),
      UInt8(ascii: "~"):
      true
    default: false
    }
  }

  private static func isFieldByte(_ byte: CChar) -> Bool {
    let byte = UInt8(bitPattern: byte)
    return byte >= 0x20 && byte != 0x7F || byte == UInt8(ascii: "\t")
  }

  private static func lowercased(_ name: UnsafeBufferPointer<CChar>) -> String {
    String(unsafeUninitializedCapacity: name.count) { bytes in
      for (index, character) in name.enumerated() {
        let byte = UInt8(bitPattern: character)
        let isCapital = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
        bytes[index] = isCapital ? byte | 0x20 : byte
      }
      return name.count
    }
  }

  private static func trimmed(_ value: UnsafeBufferPointer<CChar>) -> String {
    var bytes = UnsafeRawBufferPointer(value)[...]
    while let last = bytes.last, last == 0x20 || last == 0x09 { bytes = bytes.dropLast() }
    return String(decoding: bytes, as: UTF8.self)
  }
}
