using System.Net;
using KvmAgent.Images;

// What a pod does with a base image, as a process of its own: dotnet KvmAgent.Images.Tests.dll SOURCE DIRECTORY [CHECKSUM]
try
{
    var image = await new BaseImageStore().EnsureAsync(
        new()
        {
            Source = args[0],
            Directory = args[1],
            Name = "base",
            Access = new()
            {
                AllowAddresses = [IPNetwork.Parse(Environment.GetEnvironmentVariable("ALLOW_ADDRESS") ?? "127.0.0.1/32")],
                S3Endpoint = Environment.GetEnvironmentVariable("TEST_S3_ENDPOINT"),
                S3Region = Environment.GetEnvironmentVariable("TEST_S3_REGION"),
                User = Environment.GetEnvironmentVariable("TEST_S3_KEYS")?.Split(':')[0],
                Password = Environment.GetEnvironmentVariable("TEST_S3_KEYS")?.Split(':')[1],
            },
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
