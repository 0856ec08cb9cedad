import { ImageName, getContainerRuntimeClient } from 'testcontainers';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Why a container of `image` cannot be started here, or undefined when it can. Images are not pulled for a test: an image that
 * is not there is a reason too. Throws the reason where KEYSTEAD_REQUIRE_CONTAINERS=1 demands containers.
 */
export async function whyNoContainer(image: string, env: Environment): Promise<string | undefined> {
  const reason = await missing(image);
  if (reason && env['KEYSTEAD_REQUIRE_CONTAINERS'] === '1')
    throw new Error(`KEYSTEAD_REQUIRE_CONTAINERS=1, but ${reason}`);
  return reason;
}

async function missing(image: string): Promise<string | undefined> {
  try {
    const client = await getContainerRuntimeClient();
    const there = await client.image.exists(ImageName.fromString(image));
    return there ? undefined : `the engine has no image ${image}`;
  } catch {
    return 'no container engine answers';
  }
}
