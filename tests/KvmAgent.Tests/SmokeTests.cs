namespace KvmAgent.Tests;
public class SmokeTests { [Fact] public void X() => 1.ShouldBe(1); }
