/// Characters of Unicode 15 and 16, which Hugging Face's Oniguruma knows and PCRE2 before 10.43 does
/// not: there they are neither letters nor numbers nor anything else.
///
/// Source: the categories that `tokenizers` 0.23 finds, of characters unassigned in Unicode 14.
enum LaterUnicode {
  /// Category by category, in hexadecimal.
  private static let table = """
    Cf: 13439-1343F
    Ll: 1C8A A7CD A7DB 10D70-10D85 1DF25-1DF2A
    Lm: 10D4E 10D6F 16D40-16D42 16D6B-16D6C 1E030-1E06D 1E4EB
    Lo: 105C0-105F3 10D4A-10D4D 10D4F 10EC2-10EC4 1123F-11240 11380-11389 1138B 1138E
      11390-113B5 113B7 113D1 113D3 11BC0-11BE0 11F02 11F04-11F10 11F12-11F33 1342F
      13441-13446 13460-143FA 16100-1611D 16D43-16D6A 18CFF 1B132 1B155 1E4D0-1E4EA
      1E5D0-1E5ED 1E5F0 2B739 2EBF0-2EE5D 31350-323AF
    Lu: 1C89 A7CB-A7CC A7DA A7DC 10D50-10D65
    Mc: CF3 113B8-113BA 113C2 113C5 113C7-113CA 113CC-113CD 113CF 11F03 11F34-11F35
      11F3E-11F3F 11F41 1612A-1612C
    Mn: 897 ECE 10D69-10D6D 10EFC-10EFF 11241 113BB-113C0 113CE 113D0 113D2 113E1-113E2
      11F00-11F01 11F36-11F3A 11F40 11F42 11F5A 13440 13447-13455 1611E-16129 1612D-1612F
      1E08F 1E4EC-1E4EF 1E5EE-1E5EF
    Nd: 10D40-10D49 116D0-116E3 11BF0-11BF9 11F50-11F59 16130-16139 16D70-16D79 1CCF0-1CCF9
      1E4F0-1E4F9 1E5F1-1E5FA
    No: 1D2C0-1D2D3
    Pd: 10D6E
    Po: 1B4E-1B4F 1B7F 113D4-113D5 113D7-113D8 11B00-11B09 11BE1 11F43-11F4F 16D6D-16D6F 1E5FF
    Sm: 10D8E-10D8F
    So: 2427-2429 2FFC-2FFF 31E4-31E5 31EF 1CC00-1CCEF 1CD00-1CEB3 1F6DC 1F774-1F776
      1F77B-1F77F 1F7D9 1F8B2-1F8BB 1F8C0-1F8C1 1FA75-1FA77 1FA87-1FA89 1FA8F 1FAAD-1FAAF
      1FABB-1FABF 1FAC6 1FACE-1FACF 1FADA-1FADC 1FADF 1FAE8-1FAE9 1FAF7-1FAF8 1FBCB-1FBEF
    """

  /// The ranges of each category.
  private static let categories: [(name: String, ranges: [ClosedRange<UInt32>])] = {
    var result: [(name: String, ranges: [ClosedRange<UInt32>])] = []
    for word in table.split(whereSeparator: \.isWhitespace) {
      if word.hasSuffix(":") {
        result.append((name: String(word.dropLast()), ranges: []))
        continue
      }
      let bounds = word.split(separator: "-").compactMap { UInt32($0, radix: 16) }
      if let first = bounds.first, let last = bounds.last, first <= last, !result.isEmpty {
        result[result.count - 1].ranges.append(first...last)
      }
    }
    return result
  }()

  /// The characters of a category, or of a group of them such as `L`.
  static func ranges(_ category: String) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    for (name, ranges) in categories where name.hasPrefix(category) { result += ranges }
    return result
  }

  /// The same as members of a class of an expression.
  static func members(_ category: String) -> String {
    if let known = script[category] { return known }
    return ranges(category).map { range in
      let (first, last) = (
        String(range.lowerBound, radix: 16), String(range.upperBound, radix: 16)
      )
      return first == last ? "\\x{\(first)}" : "\\x{\(first)}-\\x{\(last)}"
    }.joined()
  }

  /// The same for scripts.
  private static let script = [
    "Han": #"\x{2B739}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF}"#,
    "Hiragana": #"\x{1B132}"#, "Katakana": #"\x{1B155}"#, "Hangul": "", "Thai": "",
    "Lao": #"\x{ECE}"#, "Khmer": "", "Hebrew": "", "Greek": "",
    "Latin": #"\x{A7CB}-\x{A7CD}\x{A7DA}-\x{A7DC}\x{1DF25}-\x{1DF2A}"#,
    "Cyrillic": #"\x{1C89}-\x{1C8A}\x{1E030}-\x{1E06D}\x{1E08F}"#,
    "Arabic": #"\x{897}\x{10EC2}-\x{10EC4}\x{10EFC}-\x{10EFF}"#,
    "Devanagari": #"\x{11B00}-\x{11B09}"#, "Bengali": "", "Tamil": "", "Tibetan": "",
    "Georgian": "", "Armenian": "", "Bopomofo": "",
  ]

  /// The scripts whose characters are known.
  static var scripts: Set<String> { Set(script.keys) }

  /// What `Digits` takes for a number beyond Oniguruma: it asks a library of Unicode 17.
  static let furtherDigits = #"\x{11DE0}-\x{11DE9}\x{16FF4}-\x{16FF6}"#

  /// What `Punctuation` takes for punctuation: it asks a library of an early Unicode.
  static let punctuation =
    ""
    + #"\x{21}-\x{2F}\x{3A}-\x{40}\x{5B}-\x{60}\x{7B}-\x{7E}\x{A1}\x{A7}\x{AB}\x{B6}-\x{B7}"#
    + #"\x{BB}\x{BF}\x{37E}\x{387}\x{55A}-\x{55F}\x{589}-\x{58A}\x{5BE}\x{5C0}\x{5C3}\x{5C6}"#
    + #"\x{5F3}-\x{5F4}\x{609}-\x{60A}\x{60C}-\x{60D}\x{61B}\x{61E}-\x{61F}\x{66A}-\x{66D}"#
    + #"\x{6D4}\x{700}-\x{70D}\x{7F7}-\x{7F9}\x{830}-\x{83E}\x{85E}\x{964}-\x{965}\x{970}"#
    + #"\x{AF0}\x{DF4}\x{E4F}\x{E5A}-\x{E5B}\x{F04}-\x{F12}\x{F14}\x{F3A}-\x{F3D}\x{F85}"#
    + #"\x{FD0}-\x{FD4}\x{FD9}-\x{FDA}\x{104A}-\x{104F}\x{10FB}\x{1360}-\x{1368}\x{1400}"#
    + #"\x{166D}-\x{166E}\x{169B}-\x{169C}\x{16EB}-\x{16ED}\x{1735}-\x{1736}"#
    + #"\x{17D4}-\x{17D6}\x{17D8}-\x{17DA}\x{1800}-\x{180A}\x{1944}-\x{1945}"#
    + #"\x{1A1E}-\x{1A1F}\x{1AA0}-\x{1AA6}\x{1AA8}-\x{1AAD}\x{1B5A}-\x{1B60}"#
    + #"\x{1BFC}-\x{1BFF}\x{1C3B}-\x{1C3F}\x{1C7E}-\x{1C7F}\x{1CC0}-\x{1CC7}\x{1CD3}"#
    + #"\x{2010}-\x{2027}\x{2030}-\x{2043}\x{2045}-\x{2051}\x{2053}-\x{205E}"#
    + #"\x{207D}-\x{207E}\x{208D}-\x{208E}\x{2308}-\x{230B}\x{2329}-\x{232A}"#
    + #"\x{2768}-\x{2775}\x{27C5}-\x{27C6}\x{27E6}-\x{27EF}\x{2983}-\x{2998}"#
    + #"\x{29D8}-\x{29DB}\x{29FC}-\x{29FD}\x{2CF9}-\x{2CFC}\x{2CFE}-\x{2CFF}\x{2D70}"#
    + #"\x{2E00}-\x{2E2E}\x{2E30}-\x{2E42}\x{3001}-\x{3003}\x{3008}-\x{3011}"#
    + #"\x{3014}-\x{301F}\x{3030}\x{303D}\x{30A0}\x{30FB}\x{A4FE}-\x{A4FF}\x{A60D}-\x{A60F}"#
    + #"\x{A673}\x{A67E}\x{A6F2}-\x{A6F7}\x{A874}-\x{A877}\x{A8CE}-\x{A8CF}\x{A8F8}-\x{A8FA}"#
    + #"\x{A8FC}\x{A92E}-\x{A92F}\x{A95F}\x{A9C1}-\x{A9CD}\x{A9DE}-\x{A9DF}\x{AA5C}-\x{AA5F}"#
    + #"\x{AADE}-\x{AADF}\x{AAF0}-\x{AAF1}\x{ABEB}\x{FD3E}-\x{FD3F}\x{FE10}-\x{FE19}"#
    + #"\x{FE30}-\x{FE52}\x{FE54}-\x{FE61}\x{FE63}\x{FE68}\x{FE6A}-\x{FE6B}\x{FF01}-\x{FF03}"#
    + #"\x{FF05}-\x{FF0A}\x{FF0C}-\x{FF0F}\x{FF1A}-\x{FF1B}\x{FF1F}-\x{FF20}"#
    + #"\x{FF3B}-\x{FF3D}\x{FF3F}\x{FF5B}\x{FF5D}\x{FF5F}-\x{FF65}\x{10100}-\x{10102}"#
    + #"\x{1039F}\x{103D0}\x{1056F}\x{10857}\x{1091F}\x{1093F}\x{10A50}-\x{10A58}\x{10A7F}"#
    + #"\x{10AF0}-\x{10AF6}\x{10B39}-\x{10B3F}\x{10B99}-\x{10B9C}\x{11047}-\x{1104D}"#
    + #"\x{110BB}-\x{110BC}\x{110BE}-\x{110C1}\x{11140}-\x{11143}\x{11174}-\x{11175}"#
    + #"\x{111C5}-\x{111C9}\x{111CD}\x{111DB}\x{111DD}-\x{111DF}\x{11238}-\x{1123D}\x{112A9}"#
    + #"\x{114C6}\x{115C1}-\x{115D7}\x{11641}-\x{11643}\x{1173C}-\x{1173E}"#
    + #"\x{12470}-\x{12474}\x{16A6E}-\x{16A6F}\x{16AF5}\x{16B37}-\x{16B3B}\x{16B44}\x{1BC9F}"#
    + #"\x{1DA87}-\x{1DA8B}"#
}
