import Kernels
import Synchronization
import Testing

struct ComputeTeamTests {
  private final class Counters: Sendable {
    let inside = Atomic<Int>(0)
    let overlaps = Atomic<Int>(0)
  }

  @Test(arguments: [1, 2, 3, 5])
  func `every row is worked on exactly once`(threadCount: Int) {
    let team = ComputeTeam(threadCount: threadCount)
    for count in [0, 1, 2, 7, 64, 1000] {
      for grain in [1, 4, 64] {
        let visits = AlignedBuffer<UInt8>(count: count)
        team.parallelRows(count, grain: grain) { range in
          for row in range { visits.pointer[row] += 1 }
        }
        #expect(visits.elements.allSatisfy { $0 == 1 }, "count \(count), grain \(grain)")
      }
    }
  }

  @Test func `ranges begin at multiples of the grain and are the same every time`() {
    let team = ComputeTeam(threadCount: 3)
    let ranges = (0..<50).map { _ in
      let found = Mutex<[Range<Int>]>([])
      team.parallelRows(100, grain: 8) { range in found.withLock { $0.append(range) } }
      return found.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
    }
    #expect(Set(ranges).count == 1)
    #expect(ranges[0].allSatisfy { $0.lowerBound % 8 == 0 })
  }

  @Test func `operations from several threads wait for each other`() async {
    let team = ComputeTeam(threadCount: 2)
    let counters = Counters()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<200 {
            team.parallelRows(2) { _ in
              if counters.inside.add(1, ordering: .relaxed).newValue > 2 {
                counters.overlaps.add(1, ordering: .relaxed)
              }
              counters.inside.subtract(1, ordering: .relaxed)
            }
          }
        }
      }
    }
    #expect(counters.overlaps.load(ordering: .relaxed) == 0)
  }

  @Test func `scratch memory is each worker's own`() {
    let team = ComputeTeam(threadCount: 2)
    let addresses = Mutex<Set<UInt>>([])
    team.parallelRows(2, scratchBytes: 4096) { _, scratch in
      addresses.withLock { _ = $0.insert(UInt(bitPattern: scratch)) }
    }
    #expect(addresses.withLock(\.count) == 2)
    #expect(addresses.withLock { $0.allSatisfy { $0 % 64 == 0 } })
  }

  @Test(arguments: [1, 2, 3, 5], [ComputeTeam.Placement.free, .pinned])
  func `what a worker wrote before a wait is seen by all after it`(
    threadCount: Int, placement: ComputeTeam.Placement
  ) {
    let team = ComputeTeam(threadCount: threadCount, placement: placement)
    let sums = AlignedBuffer<Int>(count: threadCount)
    for round in 0..<50 {
      team.parallel(sharedBytes: 8 * threadCount) { worker in
        let shared = worker.shared.bindMemory(to: Int.self, capacity: threadCount)
        for step in 0..<4 {
          shared[worker.index] = round + step + worker.index
          worker.waitForAll()
          sums[worker.index] += (0..<worker.count).reduce(0) { $0 + shared[$1] }
          worker.waitForAll()
        }
      }
    }
    // Rounds 0 to 49 and steps 0 to 3 add up to 50 · 4 · (24.5 + 1.5), indices to n (n - 1) / 2.
    let expected = 5200 * threadCount + 200 * threadCount * (threadCount - 1) / 2
    #expect(sums.elements.allSatisfy { $0 == expected })
  }
}
