public import ArgumentParser
public import Simulation

@main struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "laterbase-simulate",
    abstract: "Run random histories of a cluster, each made of its seed alone, and check what must hold.")

  @Option(help: "How many histories to run.") var seeds = 1
  @Option(help: "The seed of the first one; the next is one more.") var seed: UInt64 = 1
  @Option(help: "How many things happen in each before all is well again.") var steps = SimulationOptions().steps
  @Option(help: ArgumentHelp("Leave out a kind of fault; may be given again.", valueName: "fault")) var without: [SimulationOptions.Fault] =
    []
  @Option(help: ArgumentHelp("Take in a kind of fault that is left out otherwise (none is).", valueName: "fault")) var with:
    [SimulationOptions.Fault] = []
  @Flag(help: "Tell each step.") var trace = false
  @Flag(help: "Run all histories of three nodes and three events instead.") var small = false

  func run() throws {
    if small { return try runSmall() }
    var options = SimulationOptions()
    options.steps = steps
    options.traces = trace
    options.faults = options.faults.union(with).subtracting(without)
    var failures = 0
    var (acknowledged, destroyed, jobs, forks, levels) = (0, 0, 0, 0, 0)
    for seed in seed..<seed + UInt64(seeds) {
      do throws(SimulationFailure) {
        let report = try ClusterHistory(seed: seed, options: options).run()
        for line in report.trace { print(line) }
        (acknowledged, destroyed) = (acknowledged + report.acknowledged, destroyed + report.destroyed)
        (jobs, forks) = (jobs + report.steps, forks + report.forksRepaired)
        levels += report.levelsReached
      } catch {
        for line in error.trace { print(line) }
        print(error)
        failures += 1
      }
    }
    let events = "\(acknowledged) events acknowledged, \(destroyed) destroyed or left behind, \(levels) levels reached"
    print("\(seeds) histories, \(failures) failed; \(events), \(forks) forked logs cut, \(jobs) jobs run")
    if failures > 0 { throw ExitCode.failure }
  }

  private func runSmall() throws {
    let outcome = try SmallHistories().run()
    print(
      "\(outcome.histories) histories by \(outcome.steps) steps, over \(outcome.states) states of \(outcome.disks) disks: \(outcome.failure ?? "all well")"
    )
    if outcome.failure != nil { throw ExitCode.failure }
  }
}

extension SimulationOptions.Fault: ExpressibleByArgument {}
