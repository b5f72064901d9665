internal import Foundation
// The standard library's own normal forms, which it compares texts by.
@_spi(_Unicode) internal import Swift

/// One step that changes a text before it is cut.
enum Normalizer: Sendable {
  case composed, decomposed, compatibilityComposed, compatibilityDecomposed
  /// Puts a text before one that is not empty.
  case prepend([UInt8])
  case replaceText([UInt8], with: [UInt8])
  case replacePattern(Pattern, with: [UInt8])
  case strip(leading: Bool, trailing: Bool)

  /// How much longer a text can become, at most; a chain of replacements in a file from strangers
  /// could ask for any size.
  static let growthMax = 64

  /// By what the step can multiply a text's bytes.
  var growth: Int {
    switch self {
    case .replaceText(let old, let new): (new.count + old.count - 1) / max(old.count, 1)
    // An expression may match a single byte, and nothing beside each.
    case .replacePattern(_, let new): 2 * new.count + 1
    default: 1
    }
  }

  /// The text after all `steps`.
  static func apply(_ steps: [Normalizer], to text: AlignedText) -> AlignedText {
    var text = text
    for step in steps { text = step.applied(to: text) }
    return text
  }

  /// The bytes of `text` after all `steps`.
  static func apply(_ steps: [Normalizer], to text: String) -> [UInt8] {
    var text = text
    return text.withUTF8 { bytes in
      apply(steps, to: AlignedText(bytes, base: 0, isAligned: false)).bytes
    }
  }

  private func applied(to text: AlignedText) -> AlignedText {
    switch self {
    case .composed: Self.normalized(text, \.canonicalComposed)
    case .decomposed: Self.normalized(text, \.canonicalDecomposed)
    case .compatibilityComposed:
      Self.normalized(text, \.compatibilityComposed)
    case .compatibilityDecomposed:
      Self.normalized(text, \.compatibilityDecomposed)
    case .prepend(let prefix): Self.prepended(prefix, to: text)
    case .replaceText(let old, let new): Self.replaced(old, new, in: text)
    case .replacePattern(let pattern, let new): Self.replaced(pattern, new, in: text)
    case .strip(let leading, let trailing):
      Self.stripped(text, leading: leading, trailing: trailing)
    }
  }

  private static func prepended(_ prefix: [UInt8], to text: AlignedText) -> AlignedText {
    guard !text.bytes.isEmpty else { return text }
    var result = AlignedText(isAligned: text.isAligned)
    let start = text.original(0..<1).lowerBound
    result.append(prefix, for: start..<start)
    result.append(text, 0..<text.bytes.count)
    return result
  }

  private static func replaced(_ old: [UInt8], _ new: [UInt8], in text: AlignedText) -> AlignedText
  {
    var result = AlignedText(isAligned: text.isAligned)
    let bytes = text.bytes
    var end = 0
    var place = 0
    while place + old.count <= bytes.count {
      if bytes[place] == old[0], bytes[place..<place + old.count].elementsEqual(old) {
        result.append(text, end..<place)
        result.append(new, for: text.original(place..<place + old.count))
        place += old.count
        end = place
      } else {
        place += 1
      }
    }
    result.append(text, end..<bytes.count)
    return result
  }

  private static func replaced(
    _ pattern: Pattern, _ new: [UInt8], in text: AlignedText
  ) -> AlignedText {
    var result = AlignedText(isAligned: text.isAligned)
    var end = 0
    text.bytes.withUnsafeBufferPointer { bytes in
      pattern.forEachMatch(in: bytes, scratch: Pattern.Scratch()) { match in
        result.append(text, end..<match.lowerBound)
        let original =
          match.isEmpty ? text.original(0..<1) : text.original(match)
        result.append(new, for: original)
        end = match.upperBound
      }
    }
    result.append(text, end..<text.bytes.count)
    return result
  }

  private static func stripped(_ text: AlignedText, leading: Bool, trailing: Bool) -> AlignedText {
    let scalars = String(decoding: text.bytes, as: UTF8.self).unicodeScalars
    let spaces = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
    func length(_ scalars: some Sequence<Unicode.Scalar>) -> Int {
      scalars.reduce(0) { $0 + UTF8.width($1) }
    }
    let start = leading ? length(scalars.prefix(while: spaces)) : 0
    let tail = trailing ? length(scalars.reversed().prefix(while: spaces)) : 0
    var result = AlignedText(isAligned: text.isAligned)
    result.append(text, start..<max(start, text.bytes.count - tail))
    return result
  }

  /// Brings each character with its marks into a normal form; ASCII is in every form already.
  private static func normalized(
    _ text: AlignedText, _ form: KeyPath<String, String>
  ) -> AlignedText {
    let bytes = text.bytes
    guard let first = bytes.firstIndex(where: { $0 >= 0x80 }) else { return text }
    var result = AlignedText(isAligned: text.isAligned)
    // A mark joins the ASCII character before it.
    var place = max(first - 1, 0)
    result.append(text, 0..<place)
    while place < bytes.count {
      var end = place + 1
      while end < bytes.count, bytes[end] >= 0x80 { end += 1 }
      appendNormalized(place..<end, of: text, form, to: &result)
      place = end
      // Up to the ASCII character before the next one that is none.
      while end + 1 < bytes.count, bytes[end + 1] < 0x80 { end += 1 }
      if end + 1 >= bytes.count { end = bytes.count }
      if end > place { result.append(text, place..<end) }
      place = end
    }
    return result
  }

  private static func appendNormalized(
    _ range: Range<Int>, of text: AlignedText, _ form: KeyPath<String, String>,
    to result: inout AlignedText
  ) {
    let run = String(decoding: text.bytes[range], as: UTF8.self)
    if form == \.canonicalComposed,
      run.unicodeScalars.allSatisfy(Self.isSurelyComposed)
    {
      return result.append(text, range)
    }
    let whole = run[keyPath: form]
    if whole.utf8.elementsEqual(text.bytes[range]) { return result.append(text, range) }
    // A character with what joins it is normalized by itself, so that offsets stay close. What the
    // tables of Hugging Face's library do not know, which are of Unicode 9, stays as it is.
    var start = range.lowerBound
    func append(_ part: String.UnicodeScalarView) {
      let part = String(part)
      let end = start + part.utf8.count
      let normal = part[keyPath: form]
      if normal.utf8.elementsEqual(part.utf8) {
        result.append(text, start..<end)
      } else {
        result.append(Array(normal.utf8), for: text.original(start..<end))
      }
      start = end
    }
    var known = String.UnicodeScalarView()
    for character in run {
      if beginsAnew(character) {
        append(known)
        known = .init()
      }
      for scalar in character.unicodeScalars {
        if isKnown(scalar) {
          known.append(scalar)
          continue
        }
        append(known)
        known = .init()
        let end = start + UTF8.width(scalar)
        result.append(text, start..<end)
        start = end
      }
    }
    append(known)
  }

  /// Whether nothing in a character, in any form, can join what is before it.
  private static func beginsAnew(_ character: Character) -> Bool {
    guard
      let first = String(character).decomposedStringWithCompatibilityMapping.unicodeScalars.first
    else { return true }
    let isLaterJamo =
      (0x1161...0x1175).contains(first.value) || (0x11A8...0x11C2).contains(first.value)
    return first.properties.canonicalCombiningClass == .notReordered
      && !first.properties.isGraphemeExtend && !isLaterJamo
  }

  /// Whether a character may take part in a normal form. The others stay as they are, and nothing
  /// joins over them.
  private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    // Neighbours of the jamo that make syllables, and characters beyond the first plane: Swift's
    // library takes some of them for others of the same low bits and joins what does not join.
    case 0x1113, 0x1176, 0x11A7, 0x11C3: return false
    case 0x11080...0x115FF, 0x1D100...0x1D1FF, 0x1D400...0x1D7FF, 0x1EE00...0x1EEFF,
      0x1F100...0x1F2FF, 0x2F800...0x2FA1F:
      break
    case 0x10000...:
      guard scalar.properties.canonicalCombiningClass != .notReordered else { return false }
    default: break
    }
    return scalar.properties.age.map { $0.major <= 9 } ?? false
  }

  /// Whether a character neither changes nor joins the one before it: Latin, Cyrillic, CJK and
  /// Hangul syllables, most of what is written.
  private static func isSurelyComposed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x300, 0x400..<0x483, 0x2010...0x2027, 0x3041...0x3096, 0x30A1...0x30FA,
      0x4E00...0x9FFF, 0xAC00...0xD7A3, 0xFF01...0xFF5E, 0x1F300...0x1F6FF:
      true
    default: false
    }
  }
}

// Foundation's canonical forms are not used: it joins no final jamo to a syllable that is there already,
// and loses marks of which more than sixty follow each other. What the standard library takes apart it
// may leave in a wrong order where the character itself counts as a letter (U+0F73); a second pass orders it.
extension String {
  /// NFC.
  fileprivate var canonicalComposed: String { Self(Self(_nfd)._nfc) }

  /// NFD.
  fileprivate var canonicalDecomposed: String { Self(Self(_nfd)._nfd) }

  /// NFKC.
  fileprivate var compatibilityComposed: String { compatibilityMapped.canonicalComposed }

  /// NFKD.
  fileprivate var compatibilityDecomposed: String { compatibilityMapped.canonicalDecomposed }

  /// With every character's compatibility mapping in its place, marks in any order.
  private var compatibilityMapped: String {
    var mapped = ""
    var rest = unicodeScalars[...]
    while !rest.isEmpty {
      mapped += String(rest.prefix(32)).decomposedStringWithCompatibilityMapping
      rest = rest.dropFirst(32)
    }
    return mapped
  }

  private init(_ scalars: some Sequence<Unicode.Scalar>) {
    self.init(UnicodeScalarView(scalars))
  }
}
