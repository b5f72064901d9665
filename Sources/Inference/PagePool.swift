// Which page of a key-value cache belongs to whom.
//
// A page is free, or held by one or more sequences, or kept: nobody holds it, but the tokens that it
// was computed from are known, so that a sequence that begins with them may take it. Full pages
// only are known; they are never written again. When no page is free, the kept page that was let go
// first is emptied.
//
// A known page's name is its tokens and its predecessor's identity, compared exactly: no hash
// decides alone what an answer is computed from.

/// Pages by number, `0 ..< pageCount`.
struct PagePool {
  /// A full page, by what it was computed from.
  struct Name: Hashable {
    /// Which known page comes before; nil at the beginning.
    let predecessor: Int?
    /// Of one page.
    let tokens: [Int32]
  }

  private struct Page {
    var holders = 0
    var name: Name?
    /// Never used twice: a successor of an emptied page cannot be taken for another's.
    var identity = 0
    /// When the last holder let go.
    var releasedAt = 0
  }

  private var pages: [Page]
  private var free: [Int]
  private var known: [Name: Int] = [:]
  /// Known pages without a holder.
  private var kept: Set<Int> = []
  private var clock = 0

  init(pageCount: Int) {
    pages = Array(repeating: Page(), count: pageCount)
    // The lowest numbers are taken first, so that memory grows from the front.
    free = (0..<pageCount).reversed()
  }

  var pageCount: Int { pages.count }
  /// Pages that `take` can give.
  var availableCount: Int { free.count + kept.count }
  /// Pages that a sequence holds.
  var heldCount: Int { pages.count - availableCount }

  /// A page to write to, held once; nil when all are held.
  mutating func take() -> Int? {
    guard let page = free.popLast() ?? emptyOldest() else { return nil }
    pages[page].holders = 1
    return page
  }

  /// A known page, held once more; nil when there is none of this name.
  mutating func take(_ name: Name) -> (page: Int, identity: Int)? {
    guard let page = known[name] else { return nil }
    pages[page].holders += 1
    kept.remove(page)
    return (page, pages[page].identity)
  }

  /// Lets others take a page that is full now.
  ///
  /// - Returns: the identity for its successor's name: of the page that has this name already, if
  ///   there is one.
  mutating func makeKnown(_ page: Int, _ name: Name) -> Int {
    if let other = known[name] { return pages[other].identity }
    clock += 1
    pages[page].identity = clock
    pages[page].name = name
    known[name] = page
    return clock
  }

  /// A holder lets go. To be called for the last page of a sequence first: what comes first in a
  /// text is worth most.
  mutating func release(_ page: Int) {
    precondition(pages[page].holders > 0, "page \(page) is not held")
    pages[page].holders -= 1
    guard pages[page].holders == 0 else { return }
    clock += 1
    pages[page].releasedAt = clock
    if pages[page].name == nil { free.append(page) } else { kept.insert(page) }
  }

  private mutating func emptyOldest() -> Int? {
    guard let oldest = kept.min(by: { pages[$0].releasedAt < pages[$1].releasedAt }) else {
      return nil
    }
    kept.remove(oldest)
    if let name = pages[oldest].name { known[name] = nil }
    pages[oldest].name = nil
    return oldest
  }
}
