internal import CPCRE2

/// One compiled regular expression, as tokenizer files write them.
///
/// The files are written for Oniguruma with Unicode classes. PCRE2 reads nearly the same syntax, and
/// its compiler to machine code makes it several times as fast as the usual engines.
// A compiled pattern is only read after `init`, and PCRE2 documents it as safe to share.
final class Pattern: @unchecked Sendable {
  private let code: OpaquePointer

  /// - Throws: `.pattern` with the place where the expression breaks.
  init(_ expression: String) throws(TokenizerError) {
    let source = Array(try OnigurumaExpression.translated(expression).utf8)
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

  /// Whether the expression matches somewhere in `text`, valid UTF-8.
  func matches(_ text: UnsafeBufferPointer<UInt8>, _ scratch: Scratch) -> Bool {
    var isFound = false
    forEachMatch(in: text, scratch: scratch) { _ in isFound = true }
    return isFound
  }

  /// Calls `body` with the byte range of each match in `text`, in order. An empty match counts
  /// where no other match ends, as in Hugging Face's loop over Oniguruma.
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
    var lastEnd = -1
    while from <= text.count {
      let found = pcre2_match_8(
        code, start, text.count, from, UInt32(PCRE2_NO_UTF_CHECK), scratch.data, scratch.context)
      // `\K`, which could put a match's start behind its end, is refused when compiling.
      guard found >= 0, let ends, ends[1] >= ends[0], ends[0] >= from else { return }
      if ends[1] == ends[0], ends[1] == lastEnd {
        from += 1
        while from < text.count, text[from] & 0xC0 == 0x80 { from += 1 }
      } else {
        from = ends[1]
        lastEnd = from
        body(ends[0]..<ends[1])
      }
    }
  }
}
