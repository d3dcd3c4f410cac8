"""`make image-test`: the image is built and run, and a table says what held. docs/container.md has the last one.

No Docker engine and no registry of images is needed: buildah and podman, from Debian, and a base made by debootstrap.
"""
