internal import Foundation

/// Text as Python sees it, where that shows in what a template prints.
enum PythonText {
  /// Whether `str.isspace` and the expression `\s` take it for white space.
  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
      0x205F, 0x3000:
      true
    default: false
    }
  }

  /// Whether the texts are the same code points; Swift's `==` also joins canonical equivalents.
  static func same(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

  /// `repr` of a number: the shortest digits that read back, an exponent below 1e−4 and from 1e16.
  static func repr(_ number: Double) -> String {
    if number.isNaN { return "nan" }
    if number.isInfinite { return number < 0 ? "-inf" : "inf" }
    // Swift finds the same digits and only places the point by another rule.
    let parts = "\(number.magnitude)".split(separator: "e")
    let mantissa = parts[0].split(separator: ".")
    let fraction = mantissa.count > 1 && mantissa[1] != "0" ? String(mantissa[1]) : ""
    var digits = Array(String(mantissa[0]) + fraction)
    var exponent = mantissa[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    while digits.count > 1, digits[0] == "0" {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.count > 1, digits[digits.count - 1] == "0" { digits.removeLast() }
    if digits == ["0"] { exponent = 1 }
    let sign = number.sign == .minus ? "-" : ""
    switch exponent {
    case 1...16 where digits.count <= exponent:
      return sign + String(digits) + String(repeating: "0", count: exponent - digits.count) + ".0"
    case 1...16: return sign + String(digits[..<exponent]) + "." + String(digits[exponent...])
    case -3...0: return sign + "0." + String(repeating: "0", count: -exponent) + String(digits)
    default:
      let power = exponent - 1
      let tail = digits.count > 1 ? "." + String(digits[1...]) : ""
      let size = power.magnitude < 10 ? "0\(power.magnitude)" : "\(power.magnitude)"
      return sign + String(digits[0]) + tail + "e" + (power < 0 ? "-" : "+") + size
    }
  }

  /// `repr` of a text: in single quotes unless only those occur in it.
  static func repr(_ text: String) -> String {
    let quote: Unicode.Scalar = text.contains("'") && !text.contains("\"") ? "\"" : "'"
    var result = String(quote)
    for scalar in text.unicodeScalars {
      switch scalar {
      case quote, "\\": result += "\\\(scalar)"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case " "..."~": result.unicodeScalars.append(scalar)
      default:
        if isPrintable(scalar) {
          result.unicodeScalars.append(scalar)
        } else {
          let digits = String(scalar.value, radix: 16)
          let (letter, width) =
            scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
          result += "\\" + letter + String(repeating: "0", count: width - digits.count) + digits
        }
      }
    }
    return result + String(quote)
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .spaceSeparator:
      false
    default: true
    }
  }

  /// `str.strip` and its one-sided forms; `characters` nil is white space.
  static func strip(
    _ text: String, characters: String?, leading: Bool, trailing: Bool
  ) -> String {
    let members = characters.map { Set($0.unicodeScalars) }
    func isStripped(_ scalar: Unicode.Scalar) -> Bool {
      members?.contains(scalar) ?? isSpace(scalar)
    }
    var rest = text.unicodeScalars[...]
    if leading { rest = rest.drop(while: isStripped) }
    while trailing, let last = rest.last, isStripped(last) { rest.removeLast() }
    return String(rest)
  }

  /// `str.split`; `separator` nil splits at runs of white space and gives no empty part.
  static func split(_ text: String, separator: String?, limit: Int?) -> [String] {
    let scalars = Array(text.unicodeScalars)
    var parts: [String] = []
    func add(_ range: Range<Int>) {
      var view = String.UnicodeScalarView()
      view.append(contentsOf: scalars[range])
      parts.append(String(view))
    }
    guard let separator else {
      var start = 0
      while true {
        while start < scalars.count, isSpace(scalars[start]) { start += 1 }
        guard start < scalars.count else { return parts }
        if let limit, parts.count == limit {
          var end = scalars.count
          while isSpace(scalars[end - 1]) { end -= 1 }
          add(start..<end)
          return parts
        }
        var end = start
        while end < scalars.count, !isSpace(scalars[end]) { end += 1 }
        add(start..<end)
        start = end
      }
    }
    let mark = Array(separator.unicodeScalars)
    var start = 0
    var place = 0
    while place + mark.count <= scalars.count {
      if parts.count != limit, scalars[place..<place + mark.count].elementsEqual(mark) {
        add(start..<place)
        place += mark.count
        start = place
      } else {
        place += 1
      }
    }
    add(start..<scalars.count)
    return parts
  }

  /// `str.splitlines` without the ends of lines.
  static func lines(_ text: String) -> [String] {
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var isOpen = false
    var previousWasReturn = false
    for scalar in text.unicodeScalars {
      defer { previousWasReturn = scalar == "\r" }
      switch scalar.value {
      case 0x0A where previousWasReturn: break
      case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
        lines.append(String(line))
        line = .init()
        isOpen = false
      default:
        line.append(scalar)
        isOpen = true
      }
    }
    if isOpen { lines.append(String(line)) }
    return lines
  }

  /// The first place of `part` at or after `start`, both in code points; nil if there is none.
  static func find(_ part: [Unicode.Scalar], in text: [Unicode.Scalar], from start: Int = 0) -> Int?
  {
    var place = start
    while place + part.count <= text.count {
      if text[place..<place + part.count].elementsEqual(part) { return place }
      place += 1
    }
    return nil
  }

  /// `str.replace`; `limit` nil replaces all.
  static func replace(_ text: String, _ old: String, _ new: String, limit: Int?) -> String {
    let scalars = Array(text.unicodeScalars)
    let mark = Array(old.unicodeScalars)
    var result = String.UnicodeScalarView()
    var left = limit ?? .max
    var place = 0
    while place < scalars.count {
      let matches =
        left > 0 && place + mark.count <= scalars.count
        && scalars[place..<place + mark.count].elementsEqual(mark)
      if matches {
        result.append(contentsOf: new.unicodeScalars)
        left -= 1
        place += mark.count
      }
      // An empty `old` stands before every character, and after the last.
      if !matches || mark.isEmpty {
        result.append(scalars[place])
        place += 1
      }
    }
    if mark.isEmpty, left > 0 { result.append(contentsOf: new.unicodeScalars) }
    return String(result)
  }

  /// `date` as `strftime` writes it, in local time; nil if that is longer than 4096 bytes.
  static func date(_ date: Date, format: String) -> String? {
    var seconds = time_t(date.timeIntervalSince1970.rounded(.down))
    var parts = tm()
    localtime_r(&seconds, &parts)
    var buffer = [CChar](repeating: 0, count: 4096)
    let length = strftime(&buffer, buffer.count, format, &parts)
    guard length > 0 || format.isEmpty else { return nil }
    return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
