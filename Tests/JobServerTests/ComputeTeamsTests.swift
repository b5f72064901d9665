import JobServer
import Jobs
import Kernels
import Testing

struct ComputeTeamsTests {
  @Test func `jobs that take turns all have the common team`() {
    let common = ComputeTeam(threadCount: 3)
    let teams = ComputeTeams(common: common, jobs: 4, sharing: .turns)
    teams.withTeam(of: .compute) { first in
      #expect(first === common)
      teams.withTeam(of: .compute) { #expect($0 === common) }
    }
  }

  @Test func `split threads are divided without remainder, and a team comes back after its job`() {
    struct Failure: Error {}
    let common = ComputeTeam(threadCount: 5)
    let teams = ComputeTeams(common: common, jobs: 2, sharing: .split)
    teams.withTeam(of: .compute) { first in
      teams.withTeam(of: .compute) { second in
        #expect(first !== second && first !== common && second !== common)
        #expect(first.threadCount + second.threadCount == 5)
        #expect(abs(first.threadCount - second.threadCount) == 1)
        // What no compute slot does uses the common team.
        teams.withTeam(of: .io) { #expect($0 === common) }
      }
      #expect(throws: Failure.self) { try teams.withTeam(of: .compute) { _ in throw Failure() } }
      teams.withTeam(of: .compute) { #expect($0 !== first && $0 !== common) }
    }
  }

  @Test func `more jobs than threads have one thread each`() {
    let teams = ComputeTeams(common: ComputeTeam(threadCount: 2), jobs: 3, sharing: .split)
    teams.withTeam(of: .compute) { first in
      teams.withTeam(of: .compute) { second in
        teams.withTeam(of: .compute) { third in
          #expect([first, second, third].map(\.threadCount) == [1, 1, 1])
        }
      }
    }
  }
}
