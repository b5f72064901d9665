// What a model writes is a call only as a whole: a JSON object with the name of a function that it
// was told about and an object of arguments, in its place. Text that may become one is held back until
// that is decided; what turns out to be none is given out as it was written.

internal import Jobs

/// Finds the calls in an answer as its text comes.
struct ToolCallReader {
  /// A part of an answer, in its order.
  enum Part: Equatable {
    case text(String)
    case call(name: String, arguments: String)
  }

  private let form: ToolCallForm
  private let names: Set<String>
  private let opening: [UInt8]
  private let closing: [UInt8]
  /// What has not been given out yet.
  private var held: [UInt8] = []
  /// White space before and between calls, which is part of no text.
  private var space: [UInt8] = []
  private var isAfterText = false
  private var hasCalls = false
  /// Where in `held` a call is being read, from its opening on.
  private var call: CallScanner?

  /// - Parameter names: of the functions that may be called.
  init(_ form: ToolCallForm, names: Set<String>) {
    self.form = form
    self.names = names
    opening = Array(form.opening.utf8)
    closing = Array(form.closing.utf8)
  }

  /// The parts that `text` decides.
  mutating func append(_ text: String) -> [Part] {
    held += text.utf8
    return read(isLast: false)
  }

  /// What is left at the end. A call whose object is whole needs no closing.
  mutating func finish() -> [Part] {
    var parts = read(isLast: true)
    // Behind calls, white space says nothing; an answer of nothing else is that.
    if !hasCalls, !space.isEmpty { parts.append(.text(String(decoding: space, as: UTF8.self))) }
    space = []
    return parts
  }

  private mutating func read(isLast: Bool) -> [Part] {
    var parts: [Part] = []
    while true {
      if call == nil {
        guard let start = callStart() else {
          let kept = isLast ? 0 : longestBeginning()
          give(held.count - kept, to: &parts)
          return parts
        }
        give(start, to: &parts)
        call = CallScanner(start: opening.count)
      }
      switch scan(isLast: isLast) {
      case .undecided: return parts
      case .call(let part, let length):
        parts.append(part)
        hasCalls = true
        (space, isAfterText) = ([], false)
        held.removeFirst(length)
      case .none:
        // The opening was none: what follows it may still hold one.
        give(max(1, opening.count), to: &parts)
      }
      call = nil
    }
  }

  /// Where the next call may begin.
  private func callStart() -> Int? {
    switch form {
    case .tagged: return held.firstRange(of: opening)?.lowerBound
    case .bare:
      // Only what an answer begins with.
      guard !isAfterText, !hasCalls else { return nil }
      let start = held.firstIndex { !Self.isSpace($0) }
      return start.flatMap { held[$0] == UInt8(ascii: "{") ? $0 : nil }
    }
  }

  /// How many bytes at the end may be the beginning of an opening.
  private func longestBeginning() -> Int {
    stride(from: min(held.count, opening.count), to: 0, by: -1)
      .first { opening.starts(with: held.suffix($0)) } ?? 0
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }

  /// Gives out the first bytes of what is held, as text.
  private mutating func give(_ count: Int, to parts: inout [Part]) {
    let bytes = held[..<count]
    if isAfterText || !bytes.allSatisfy(Self.isSpace) {
      parts.append(.text(String(decoding: space + bytes, as: UTF8.self)))
      (space, isAfterText) = ([], true)
    } else {
      space += bytes
    }
    held.removeFirst(count)
  }

  private enum Decision {
    case undecided
    /// A call, and the bytes that it took.
    case call(Part, length: Int)
    case none
  }

  /// Reads on in the call that `held` begins with.
  private mutating func scan(isLast: Bool) -> Decision {
    guard var scanner = call else { return .none }
    let state = scanner.advance(held)
    call = scanner
    switch state {
    case .unfinished: return isLast ? .none : .undecided
    case .noObject: return .none
    case .object(let object, let inner):
      let rest = held[object.upperBound...].drop(while: Self.isSpace)
      let isClosed = rest.starts(with: closing) && (form == .tagged || rest.isEmpty)
      let mayClose = form == .tagged ? closing.starts(with: rest) : rest.isEmpty
      guard form == .tagged ? isClosed || mayClose : mayClose else { return .none }
      // A bare object must be the whole answer, which only its end tells.
      guard isLast || (isClosed && form == .tagged) else { return .undecided }
      guard let part = part(held[object], inner.map { held[$0] }) else { return .none }
      return .call(
        part, length: isClosed ? rest.startIndex + closing.count : held.count)
    }
  }

  /// The call that an object is; nil when it is something else.
  ///
  /// - Parameter inner: the last object inside it.
  private func part(_ object: ArraySlice<UInt8>, _ inner: ArraySlice<UInt8>?) -> Part? {
    guard case .object(var members)? = try? JSONValue(parsing: Array(object)), let inner,
      let name = members["name"]?.stringValue, names.contains(name),
      case .object? = members[form.argumentsName]
    else { return nil }
    (members["name"], members[form.argumentsName]) = (nil, nil)
    // Llama says the type, too. Anything else would be lost.
    guard members.isEmpty || (members.count == 1 && members["type"] == "function") else {
      return nil
    }
    // The name is a text, so that the only object inside is the arguments': given as written.
    return .call(name: name, arguments: String(decoding: inner, as: UTF8.self))
  }
}

/// Finds the end of a JSON object, byte by byte.
private struct CallScanner {
  enum State {
    case unfinished
    /// Something else stands where an object should.
    case noObject
    /// Where it is, and the last object inside it.
    case object(Range<Int>, inner: Range<Int>?)
  }

  private var place: Int
  private var start: Int?
  private var innerStart = 0
  private var inner: Range<Int>?
  private var end: Int?
  private var depth = 0
  private var isInText = false
  private var isEscaped = false

  /// - Parameter start: the place from which on an object should follow.
  init(start: Int) { place = start }

  /// Goes on where it was left.
  mutating func advance(_ bytes: [UInt8]) -> State {
    while place < bytes.count, end == nil {
      let byte = bytes[place]
      if start == nil {
        if byte == UInt8(ascii: "{") {
          start = place
          depth = 1
        } else if byte != 0x20, !(0x09...0x0D).contains(byte) {
          return .noObject
        }
      } else {
        take(byte)
      }
      place += 1
    }
    guard let start, let end else { return .unfinished }
    return .object(start..<end, inner: inner)
  }

  private mutating func take(_ byte: UInt8) {
    if isInText {
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        isInText = false
      }
      return
    }
    switch byte {
    case UInt8(ascii: "\""): isInText = true
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      depth += 1
      if depth == 2 { innerStart = place }
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      depth -= 1
      if depth == 1 { inner = innerStart..<place + 1 }
      if depth == 0 { end = place + 1 }
    default: break
    }
  }
}
