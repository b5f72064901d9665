import JobStore
import Jobs
import Testing

struct MetricsTests {
  let temporary: TemporaryStore
  let job: Job
  var store: JobStore { temporary.store }

  init() throws {
    temporary = try TemporaryStore()
    job = try temporary.running()
  }

  private func point(_ step: Int64, _ value: Double, name: String = "loss") -> MetricPoint {
    MetricPoint(
      name: name, step: step, value: value, time: Timestamp(milliseconds: step * 1000))
  }

  @Test func `a short series is given as it is, not-finite values as missing`() throws {
    _ = try store.record(
      [.metrics([point(1, 3), point(2, .nan), point(3, .infinity), point(1, 0.1, name: "lr")])],
      of: job.id, attempt: 1)
    let series = try store.metrics(of: job.id, pointsMax: 100)
    #expect(series.map(\.name) == ["loss", "lr"])
    #expect(series[0].steps == [1, 2, 3])
    #expect(series[0].values == [3, nil, nil])
    #expect(series[0].times.map(\.milliseconds) == [1000, 2000, 3000])
    #expect(try store.metrics(of: job.id, names: ["lr"], pointsMax: 100).map(\.name) == ["lr"])
    #expect(
      try store.events(of: job.id, after: 2, limit: 1).map(\.data) == [
        ["series": .object(["loss": series[0].json, "lr": series[1].json])]
      ])
  }

  @Test func `the replay of an interrupted attempt is not shown twice`() throws {
    for steps in [0...9, 5...14] as [ClosedRange<Int64>] {
      _ = try store.record(
        [.metrics(steps.map { point($0, Double($0)) })], of: job.id, attempt: 1)
    }
    #expect(try store.metrics(of: job.id, pointsMax: 100)[0].steps == Array(0...14))
    _ = try store.record([.metrics([point(3, 3)])], of: job.id, attempt: 1)
    #expect(try store.events(of: job.id, after: 0, limit: 100).count { $0.type == .metric } == 2)
  }

  @Test func `a picture of many points keeps its ends and every spike`() throws {
    let count: Int64 = 70_000
    let seed = UInt64.random(in: .min ... .max)
    var state = seed
    var values: [Double] = []
    for _ in 0..<count {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      values.append(Double(state >> 40) / Double(1 << 24))
    }
    values[12_345] = 1000
    values[54_321] = -1000
    values[100] = .nan
    for start in stride(from: Int64(0), to: count, by: 1009) {
      let steps = start..<min(count, start + 1009)
      _ = try store.record(
        [.metrics(steps.map { point($0, values[Int($0)]) })], of: job.id, attempt: 1)
    }
    for pointsMax in [4, 50, 1000, 20_000] {
      let series = try store.metrics(of: job.id, pointsMax: pointsMax)[0]
      #expect(series.steps.count <= pointsMax, "seed \(seed)")
      #expect(series.steps.count * 3 >= pointsMax, "seed \(seed)")
      #expect(series.steps == series.steps.sorted())
      #expect(series.steps.first == 0 && series.steps.last == count - 1)
      #expect(series.values.contains(1000) && series.values.contains(-1000), "seed \(seed)")
      for (step, value) in zip(series.steps, series.values) {
        #expect(value == values[Int(step)], "seed \(seed)")
      }
    }
  }
}
