internal import CPCRE2

/// One compiled regular expression, as tokenizer files write them.
///
/// The files are written for Oniguruma with Unicode classes. PCRE2 reads the same syntax, and its
/// compiler to machine code makes it several times as fast as the usual engines.
// A compiled pattern is only read after `init`, and PCRE2 documents it as safe to share.
final class Pattern: @unchecked Sendable {
  private let code: OpaquePointer

  /// - Throws: `.pattern` with the place where the expression breaks.
  init(_ expression: String) throws(TokenizerError) {
    let source = Array(Pattern.unicodeSpaces(in: expression).utf8)
    var errorCode: Int32 = 0
    var errorOffset = 0
    // `\C` would let a hostile expression split a character.
    let options = PCRE2_UTF | PCRE2_UCP | UInt32(PCRE2_NEVER_BACKSLASH_C)
    guard
      let code = pcre2_compile_8(source, source.count, options, &errorCode, &errorOffset, nil)
    else {
      var message = [UInt8](repeating: 0, count: 256)
      pcre2_get_error_message_8(errorCode, &message, message.count)
      let text = String(decoding: message.prefix { $0 != 0 }, as: UTF8.self)
      throw .pattern(offset: errorOffset, reason: text)
    }
    // Without machine code (another CPU, a hardened kernel) PCRE2 interprets: slower, equal.
    pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE)
    self.code = code
  }

  deinit { pcre2_code_free_8(code) }

  /// What one thread needs to match; not shared.
  final class Scratch {
    fileprivate let data: OpaquePointer
    fileprivate let context: OpaquePointer

    init() {
      guard let data = pcre2_match_data_create_8(1, nil),
        let context = pcre2_match_context_create_8(nil)
      else { preconditionFailure("out of memory") }
      // Enough for any sane expression, and a bound on an insane one: see `forEachMatch`.
      pcre2_set_match_limit_8(context, 10_000_000)
      self.data = data
      self.context = context
    }

    deinit {
      pcre2_match_data_free_8(data)
      pcre2_match_context_free_8(context)
    }
  }

  /// Calls `body` with the byte range of each match in `text`, in order; empty matches are left out.
  ///
  /// If the expression needs more backtracking than the limit, matching stops there and the rest
  /// counts as unmatched: the text is still encoded whole, and always in the same way.
  ///
  /// - Parameter text: valid UTF-8.
  func forEachMatch(
    in text: UnsafeBufferPointer<UInt8>, scratch: Scratch, _ body: (Range<Int>) -> Void
  ) {
    guard let start = text.baseAddress else { return }
    let ends = pcre2_get_ovector_pointer_8(scratch.data)
    var from = 0
    while from < text.count {
      let found = pcre2_match_8(
        code, start, text.count, from, UInt32(PCRE2_NO_UTF_CHECK), scratch.data, scratch.context)
      guard found >= 0, let ends else { return }
      // `\K` can put a match's start behind its end.
      if ends[1] > ends[0], ends[0] >= from {
        body(ends[0]..<ends[1])
        from = ends[1]
      } else {
        from = max(from, ends[1]) + 1
        while from < text.count, text[from] & 0xC0 == 0x80 { from += 1 }
      }
    }
  }

  /// `expression` with `\s` and `\S` as Unicode's White_Space, which Oniguruma means by them.
  ///
  /// PCRE2's own also hold U+180E, white space until Unicode 6.3.
  static func unicodeSpaces(in expression: String) -> String {
    let members = #"\t-\r\x{85}\p{Z}"#
    var result = ""
    var insideClass = false
    var characters = expression.unicodeScalars.makeIterator()
    while let character = characters.next() {
      guard character == "\\", let escaped = characters.next() else {
        if character == "[" { insideClass = true }
        if character == "]" { insideClass = false }
        result.unicodeScalars.append(character)
        continue
      }
      switch (escaped, insideClass) {
      case ("s", true): result += members
      case ("s", false): result += "[\(members)]"
      case ("S", false): result += "[^\(members)]"
      default: result += "\\" + String(Character(escaped))
      }
    }
    return result
  }
}
