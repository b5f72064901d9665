internal import Foundation
package import HTTPClient

/// How long a server asks to be left alone.
package enum RetryAfter {
  /// Longer ones are cut: nobody waits for a day without being told.
  package static let secondsMax = 3600.0

  /// What a reply says, in milliseconds (as OpenAI does) or by the standard; nil when nothing.
  ///
  /// - Parameter now: seconds since 1970.
  package static func seconds(_ reply: HTTPClient.Response, now: Double) -> Double? {
    if let milliseconds = reply.header("retry-after-ms").flatMap({ Double($0) }),
      milliseconds.isFinite, milliseconds >= 0
    {
      return min(milliseconds / 1000, secondsMax)
    }
    return reply.header("retry-after").flatMap { seconds($0, now: now) }
  }

  /// Seconds of a `Retry-After`, which is a number of seconds or a date; nil for neither.
  ///
  /// - Parameter now: seconds since 1970, for dates.
  ///
  /// Source: RFC 9110, sections 10.2.3 and 5.6.7.
  package static func seconds(_ value: String, now: Double) -> Double? {
    let text = value.trimmingCharacters(in: .whitespaces)
    if let seconds = Double(text) {
      guard seconds.isFinite, seconds >= 0 else { return nil }
      return min(seconds, secondsMax)
    }
    for format in formats {
      let formatter = DateFormatter()
      formatter.locale = Locale(identifier: "en_US_POSIX")
      formatter.timeZone = TimeZone(secondsFromGMT: 0)
      formatter.dateFormat = format
      if let date = formatter.date(from: text) {
        return min(max(0, date.timeIntervalSince1970 - now), secondsMax)
      }
    }
    return nil
  }

  /// The date of today's servers, and the two that recipients must still accept.
  private static let formats = [
    "EEE, dd MMM yyyy HH:mm:ss 'GMT'", "EEEE, dd-MMM-yy HH:mm:ss 'GMT'", "EEE MMM d HH:mm:ss yyyy",
  ]
}
