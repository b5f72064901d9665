import Testing

@testable import Inference

// @testable: the bookkeeping of pages is nobody else's business.
struct PagePoolTests {
  private func name(_ tokens: Int32..., after predecessor: Int? = nil) -> PagePool.Name {
    PagePool.Name(predecessor: predecessor, tokens: tokens)
  }

  @Test func `pages are given once, from the front, and come back`() {
    var pool = PagePool(pageCount: 3)
    let given = (0..<4).map { _ in pool.take() }
    #expect(given == [0, 1, 2, nil])
    pool.release(1)
    #expect(pool.availableCount == 1)
    let again = pool.take()
    #expect(again == 1)
    #expect(pool.heldCount == 3)
  }

  @Test func `a known page is shared while it is held and kept when it is not`() {
    var pool = PagePool(pageCount: 2)
    let page = pool.take()!
    let identity = pool.makeKnown(page, name(1, 2))
    let (other, shared) = (pool.take(name(1, 3)), pool.take(name(1, 2)))
    #expect(other == nil)
    #expect(shared?.page == page)
    pool.release(page)
    #expect(pool.heldCount == 1)
    pool.release(page)
    #expect(pool.heldCount == 0)
    let again = pool.take(name(1, 2))
    #expect(again?.page == page)
    #expect(again?.identity == identity)
  }

  @Test func `the page that was let go first is emptied, and its name forgotten`() {
    var pool = PagePool(pageCount: 2)
    let (first, second) = (pool.take()!, pool.take()!)
    let identity = pool.makeKnown(first, name(1))
    _ = pool.makeKnown(second, name(2, after: identity))
    // The end of a text before its beginning.
    pool.release(second)
    pool.release(first)
    let emptied = pool.take()
    #expect(emptied == second)
    let (forgotten, kept) = (pool.take(name(2, after: identity)), pool.take(name(1)))
    #expect(forgotten == nil)
    #expect(kept?.page == first)
  }

  @Test func `a successor of an emptied page is not taken for another's`() {
    var pool = PagePool(pageCount: 2)
    let first = pool.take()!
    let old = pool.makeKnown(first, name(1))
    let second = pool.take()!
    _ = pool.makeKnown(second, name(2, after: old))
    pool.release(first)
    let again = pool.take()
    #expect(again == first)
    let new = pool.makeKnown(first, name(3))
    let successor = pool.take(name(2, after: new))
    #expect(new != old)
    #expect(successor == nil)
  }

  @Test func `equal pages computed at the same time have one identity`() {
    var pool = PagePool(pageCount: 2)
    let (first, second) = (pool.take()!, pool.take()!)
    let identities = [pool.makeKnown(first, name(1)), pool.makeKnown(second, name(1))]
    #expect(identities[0] == identities[1])
    pool.release(second)
    #expect(pool.availableCount == 1)
  }
}
