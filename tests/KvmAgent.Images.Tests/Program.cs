using System.Globalization;
using System.Net;
using KvmAgent.Images;
using KvmAgent.Images.Tests.Support;

// What a pod does with a base image, as a process of its own: dotnet KvmAgent.Images.Tests.dll SOURCE DIRECTORY [CHECKSUM]
// What it does with one from elsewhere: … inspect SOURCE, and … import SOURCE TARGET
// With QUICK=1 it is impatient, and journals each MiB.
// A distant server for the bench, until it is ended: dotnet KvmAgent.Images.Tests.dll relay PORT TARGET-PORT MILLISECONDS MEBIBYTES-PER-SECOND
if (args is ["relay", .. var numbers])
{
    var given = numbers.Select(n => int.Parse(n, CultureInfo.InvariantCulture)).ToArray();
    await using var relay = new ShapedRelay(given[1], TimeSpan.FromMilliseconds(given[2]), (long)given[3] << 20, given[0]);
    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System);
}
var keys = Environment.GetEnvironmentVariable("TEST_S3_KEYS")?.Split(':');
var access = new SourceAccess
{
    AllowAddresses = [IPNetwork.Parse(Environment.GetEnvironmentVariable("ALLOW_ADDRESS") ?? "127.0.0.1/32")],
    S3Endpoint = Environment.GetEnvironmentVariable("TEST_S3_ENDPOINT"),
    S3Region = Environment.GetEnvironmentVariable("TEST_S3_REGION"),
    User = keys?[0],
    Password = keys?[1],
};
try
{
    switch (args)
    {
        case ["inspect", var source]:
            Console.WriteLine((await new RemoteImage { Source = source, Access = access }.InspectAsync(CancellationToken.None)).Content);
            return 0;
        case ["import", var source, var target]:
            Console.WriteLine((await DiskImport.RunAsync(new() { Source = source, Target = target, Access = access }, null, CancellationToken.None)).Size);
            return 0;
    }
    var store = Environment.GetEnvironmentVariable("QUICK") is null
        ? new BaseImageStore()
        : new BaseImageStore(TimeProvider.System, Quick.Timings with { Beat = TimeSpan.FromMilliseconds(50), StaleAfter = TimeSpan.FromMilliseconds(250), JournalEvery = 1 << 20 });
    var image = await store.EnsureAsync(
        new()
        {
            Source = args[0],
            Directory = args[1],
            Name = "base",
            Access = access,
            Checksum = args.Length > 2 ? Checksum.Parse(args[2]) : null,
        },
        null, CancellationToken.None);
    Console.WriteLine($"{(image.Fetched ? "fetched" : "used")} {image.Digest}");
    // Who has no S3 source shall not pay for it.
    var hasSdk = AppDomain.CurrentDomain.GetAssemblies().Any(a => a.GetName().Name!.StartsWith("AWSSDK", StringComparison.Ordinal));
    return hasSdk == args[0].StartsWith("s3://", StringComparison.Ordinal) ? 0 : 3;
}
catch (ImageException e)
{
    Console.WriteLine($"{e.Reason}: {e.Message}");
    return 1;
}
