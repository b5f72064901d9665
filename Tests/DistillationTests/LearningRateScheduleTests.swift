import Testing

@testable import Distillation

struct LearningRateScheduleTests {
  @Test(arguments: LearningRateSchedule.Kind.allCases)
  func `the warm-up is linear and ends at the peak`(kind: LearningRateSchedule.Kind) {
    let schedule = LearningRateSchedule(kind: kind, warmupSteps: 4)
    #expect((0..<4).map { schedule.factor(step: $0, of: 100) } == [0.25, 0.5, 0.75, 1])
    #expect(schedule.factor(step: 4, of: 100) == 1)
  }

  @Test func `the cosine ends at the minimum`() {
    let schedule = LearningRateSchedule(kind: .cosine, warmupSteps: 10, minimumFraction: 0.1)
    #expect(abs(schedule.factor(step: 99, of: 100) - 0.1) < 1e-12)
    let halfway = schedule.factor(step: 10 + 44, of: 99)
    #expect(abs(halfway - 0.55) < 1e-9)
    for step in 10..<99 {
      #expect(schedule.factor(step: step, of: 100) > schedule.factor(step: step + 1, of: 100))
    }
  }

  @Test func `BitNet's second stage starts lower and without weight decay`() {
    let schedule = LearningRateSchedule(kind: .twoStage, minimumFraction: 0)
    #expect(abs(schedule.factor(step: 49, of: 101) - 0.51) < 1e-12)
    #expect(abs(schedule.factor(step: 50, of: 101) - 0.5 * 2 / 3) < 1e-12)
    #expect(schedule.factor(step: 100, of: 101) == 0)
    #expect(schedule.weightDecayFactor(step: 49, of: 101) == 1)
    #expect(schedule.weightDecayFactor(step: 50, of: 101) == 0)
  }

  @Test func `a run of one step runs at the peak`() {
    for kind in LearningRateSchedule.Kind.allCases {
      #expect(LearningRateSchedule(kind: kind).factor(step: 0, of: 1) == 1)
    }
  }
}
